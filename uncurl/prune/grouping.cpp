#include "uncurl/prune/grouping.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "uncurl/base/error.h"
#include "uncurl/base/hash.h"
#include "uncurl/base/random.h"
#include "uncurl/cluster/scaling.h"

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

cluster::Items chosen_items(const cluster::Items& items, const std::vector<std::int64_t>& experts) {
  const Tensor chosen = at::tensor(experts, at::kLong);
  cluster::Items result;
  if (items.points.defined()) result.points = items.points.index_select(0, chosen);
  if (items.affinity.defined()) result.affinity = items.affinity.index_select(0, chosen).index_select(1, chosen);
  return result;
}

cluster::Items items_of(const cluster::Algorithm& algorithm, const Grouping& grouping, const MethodInput& input,
                        const LayerSummary& layer) {
  const Comparison* const comparison = comparison_of(grouping, input.options);
  if (comparison != nullptr) return items_to_cluster(*comparison, algorithm.uses_affinity, input, layer);
  const Tensor similarity_EE = grouping.similarity(input, layer);
  if (algorithm.uses_affinity) return {.points = {}, .affinity = similarity_EE};
  return {.points = cluster::points_of_gram(similarity_EE), .affinity = {}};
}

}  // namespace

const cluster::Algorithm* clustering_of(const Grouping& grouping, const MethodOptions& options) {
  if (options.algorithm && grouping.any_clustering) return &cluster::find_algorithm(*options.algorithm);
  return grouping.clustering == nullptr ? nullptr : &cluster::find_algorithm(grouping.clustering);
}

const Comparison* comparison_of(const Grouping& grouping, const MethodOptions& options) {
  if (options.compare) return &find_comparison(*options.compare);
  return grouping.compare == nullptr ? nullptr : &find_comparison(grouping.compare);
}

Tensor nearness_of(const Grouping& grouping, const MethodInput& input, const LayerSummary& layer) {
  const Comparison* const comparison = comparison_of(grouping, input.options);
  return comparison == nullptr ? grouping.similarity(input, layer) : nearness(*comparison, input, layer);
}

std::vector<std::vector<int>> clustered(const MethodInput& input, const LayerSummary& layer, const Grouping& grouping) {
  const std::vector<int> protect = protected_experts(input, layer);
  std::vector<std::vector<int>> groups;
  for (const int expert : protect) groups.push_back({expert});
  const std::vector<std::int64_t> free = free_experts(layer, protect);
  const auto num_groups = static_cast<int>(input.num_experts_after) - static_cast<int>(protect.size());
  if (num_groups == static_cast<int>(free.size())) {
    for (const std::int64_t expert : free) groups.push_back({static_cast<int>(expert)});
    return groups;
  }
  const cluster::Algorithm& algorithm = *clustering_of(grouping, input.options);
  cluster::ClusterOptions options = input.options.clustering;
  options.algorithm = algorithm.name;
  if (!algorithm.has_laplacian) options.laplacian.reset();  // another layer's method may have one
  const cluster::Items items = items_of(algorithm, grouping, input, layer);
  Rng rng(hash64(input.seed, static_cast<std::uint64_t>(layer.layer)));
  const cluster::Labels labels = with_context(concat("layer ", layer.layer), [&] {
    return cluster::cluster(chosen_items(items, free), num_groups, options, rng);
  });
  groups.resize(protect.size() + static_cast<std::size_t>(num_groups));
  for (std::size_t i = 0; i < free.size(); ++i) {
    groups[protect.size() + static_cast<std::size_t>(labels[i])].push_back(static_cast<int>(free[i]));
  }
  return groups;
}

Effects effects_of(const Method& method, const MethodOptions& options) {
  if (!method.merges) return {.draws = method.draws, .inputs = method.needs_inputs};
  const cluster::Algorithm* const algorithm = clustering_of(method.grouping, options);
  const Comparison* const comparison = comparison_of(method.grouping, options);
  const bool spectral = algorithm != nullptr && algorithm->uses_affinity;
  const bool compares = comparison != nullptr;
  return {.centering = compares && (spectral || comparison->by_direction),
          .affinity = compares && spectral,
          .laplacian = algorithm != nullptr && algorithm->has_laplacian,
          .draws = algorithm != nullptr && algorithm->draws,
          .size_limit = algorithm == nullptr || algorithm->limits_size,
          .inputs = method.needs_inputs || (compares && comparison->needs_inputs)};
}

}  // namespace uncurl::prune
