// HC-SMoE: experts of similar outputs are merged, whatever the router makes of them. An expert is its mean output over
// all kept tokens, and agglomerative clustering with average linkage needs no seed.
// Chen et al. 2024, arXiv 2410.08589, section 3.2. There every router row stays and leads to the merged expert, which
// only the router rule `map` does, in memory; a written checkpoint gets the weighted mean of the rows.
#include "uncurl/prune/grouping.h"
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {

std::vector<Groups> plan_hc_smoe(const MethodInput& input) {
  return plan_each_layer(input, [&](const LayerSummary& layer) {
    Groups groups;
    for (std::vector<int>& members : clustered(input, layer, kHcSmoeGrouping)) {
      groups.push_back(weighted_group(std::move(members), layer));
    }
    return groups;
  });
}

}  // namespace uncurl::prune
