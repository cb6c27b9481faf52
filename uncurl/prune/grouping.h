// Experts of a layer into clusters, by the algorithm and the comparison of a method or those that the user chose.
#pragma once

#include <vector>

#include "uncurl/cluster/algorithms/table.h"
#include "uncurl/prune/compare.h"
#include "uncurl/prune/method.h"

namespace uncurl::prune {

/// The clustering that groups a layer: the user's, else the method's; nullptr where the method has its own way.
const cluster::Algorithm* clustering_of(const Grouping& grouping, const MethodOptions& options);

/// What is compared, likewise; nullptr where the method has a similarity of its own.
const Comparison* comparison_of(const Grouping& grouping, const MethodOptions& options);

/// Larger is nearer [E,E] fp64: `nearness` of what is compared, or the method's own similarity.
Tensor nearness_of(const Grouping& grouping, const MethodInput& input, const LayerSummary& layer);

/// Members of each group: protected experts alone, the others in clusters. Exactly input.num_experts_after groups.
/// Needs a clustering.
std::vector<std::vector<int>> clustered(const MethodInput& input, const LayerSummary& layer, const Grouping& grouping);

/// Which options a method looks at under these options.
struct Effects {
  bool centering = false;
  bool affinity = false;  ///< its map and power
  bool laplacian = false;
  bool draws = false;  ///< num_restarts and seed
  bool size_limit = false;
  bool inputs = false;  ///< LayerSummary::sample_inputs
};
Effects effects_of(const Method& method, const MethodOptions& options);

}  // namespace uncurl::prune
