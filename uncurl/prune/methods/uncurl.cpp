// UNCURL: spectral clusters of the experts by the cosine of their router logits; each cluster becomes one expert.
// Sarkar et al. 2024 (arXiv 2409.01483), Algorithm 1. The paper takes the most used expert of the cluster as the
// anchor (its prose once says "of the layer", which no other line agrees with). docs/method.md section 3.
#include "uncurl/prune/grouping.h"
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {

std::vector<Groups> plan_uncurl(const MethodInput& input) {
  return plan_each_layer(input, [&](const LayerSummary& layer) {
    Groups groups;
    for (std::vector<int>& members : clustered(input, layer, kUncurlGrouping)) {
      groups.push_back(weighted_group(std::move(members), layer));
    }
    return groups;
  });
}

}  // namespace uncurl::prune
