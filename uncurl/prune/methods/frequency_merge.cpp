// Frequency-based merging, the paper's second baseline: the G most used experts are anchors, every other expert joins
// the anchor whose router logits are nearest to its own. With a size limit the closest pairs are served first.
#include "uncurl/prune/methods/frequency_merge.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "uncurl/prune/grouping.h"
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {
namespace {

struct Pair {
  double affinity;
  int expert;
  std::size_t anchor;  ///< index into the anchors
};

/// All pairs of an expert that is no anchor with an anchor that may take others, the closest first.
std::vector<Pair> ranked_pairs(const Groups& anchors, const std::vector<int>& protect, const Tensor& affinity_EE) {
  const std::vector<double> affinity = plain(affinity_EE.reshape({-1}));
  const auto num_experts = static_cast<int>(affinity_EE.size(0));
  const auto is_anchor = [&](int e) {
    return std::any_of(anchors.begin(), anchors.end(), [&](const ExpertGroup& group) { return group.anchor == e; });
  };
  std::vector<Pair> pairs;
  for (int e = 0; e < num_experts; ++e) {
    if (is_anchor(e)) continue;
    for (std::size_t a = 0; a < anchors.size(); ++a) {
      if (std::find(protect.begin(), protect.end(), anchors[a].anchor) != protect.end()) continue;
      pairs.push_back({affinity[static_cast<std::size_t>(e * num_experts + anchors[a].anchor)], e, a});
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.affinity > b.affinity; });
  return pairs;
}

}  // namespace

Groups join_most_used(const MethodInput& input, const LayerSummary& layer, const std::function<Tensor()>& affinity) {
  const std::vector<int> protect = protected_experts(input, layer);
  const Groups anchors = keep_highest(plain(layer.sums.count), input, layer);
  if (anchors.size() == static_cast<std::size_t>(layer.num_experts())) return anchors;
  const auto limit = static_cast<std::size_t>(input.options.clustering.max_cluster_size);
  std::vector<std::vector<int>> members;
  for (const ExpertGroup& anchor : anchors) members.push_back(anchor.members);
  std::vector<bool> placed(static_cast<std::size_t>(layer.num_experts()), false);
  for (const Pair& pair : ranked_pairs(anchors, protect, affinity())) {
    if (placed[static_cast<std::size_t>(pair.expert)] || (limit > 0 && members[pair.anchor].size() >= limit)) continue;
    members[pair.anchor].push_back(pair.expert);
    placed[static_cast<std::size_t>(pair.expert)] = true;
  }
  Groups groups;
  for (std::vector<int>& cluster : members) groups.push_back(weighted_group(std::move(cluster), layer));
  return groups;
}

Groups join_most_used(const MethodInput& input, const LayerSummary& layer) {
  return join_most_used(input, layer, [&] { return nearness_of(kAnchorGrouping, input, layer); });
}

std::vector<Groups> plan_frequency_merge(const MethodInput& input) {
  return plan_each_layer(input, [&](const LayerSummary& layer) { return join_most_used(input, layer); });
}

}  // namespace uncurl::prune
