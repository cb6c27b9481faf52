// UNCURL: spectral clusters of the experts by the cosine of their router logits; each cluster becomes one expert.
// Sarkar et al. 2024 (arXiv 2409.01483), Algorithm 1. The paper takes the most used expert of the cluster as the
// anchor (its prose once says "of the layer", which no other line agrees with). docs/method.md section 3.
#include <ATen/ATen.h>

#include <algorithm>

#include "uncurl/base/error.h"
#include "uncurl/base/hash.h"
#include "uncurl/base/random.h"
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {
namespace {

/// Experts that are not protected: those are groups of their own from the start.
std::vector<std::int64_t> free_experts(const LayerSummary& layer, const std::vector<int>& protect) {
  std::vector<std::int64_t> experts;
  for (int e = 0; e < layer.num_experts(); ++e) {
    if (std::find(protect.begin(), protect.end(), e) == protect.end()) experts.push_back(e);
  }
  return experts;
}

Groups group_layer(const MethodInput& input, const LayerSummary& layer) {
  const std::vector<int> protect = protected_experts(input, layer);
  const std::vector<std::int64_t> free = free_experts(layer, protect);
  const auto num_groups = static_cast<int>(input.num_experts_after) - static_cast<int>(protect.size());
  Groups groups;
  for (const int expert : protect) groups.push_back(single_group(expert));
  if (free.empty()) return groups;

  const at::Tensor chosen = at::tensor(free, at::kLong);
  const at::Tensor affinity =
      layer_affinity(layer, input.options.affinity).index_select(0, chosen).index_select(1, chosen);
  Rng rng(hash64(input.seed, static_cast<std::uint64_t>(layer.layer)));
  const cluster::Labels labels = with_context(concat("layer ", layer.layer), [&] {
    return cluster::cluster({.points = {}, .affinity = affinity}, num_groups, input.options.clustering, rng);
  });
  std::vector<std::vector<int>> members(static_cast<std::size_t>(num_groups));
  for (std::size_t i = 0; i < free.size(); ++i) {
    members[static_cast<std::size_t>(labels[i])].push_back(static_cast<int>(free[i]));
  }
  for (std::vector<int>& cluster : members) groups.push_back(weighted_group(std::move(cluster), layer));
  return groups;
}

}  // namespace

std::vector<Groups> plan_uncurl(const MethodInput& input) {
  return plan_each_layer(input, [&](const LayerSummary& layer) { return group_layer(input, layer); });
}

}  // namespace uncurl::prune
