// What of two experts is compared when they are grouped (`--compare`). Each choice makes one vector an expert; since
// they may be as long as the data or the weights, they are known by their inner products. docs/method.md section 3.
#pragma once

#include <vector>

#include "uncurl/cluster/clustering.h"
#include "uncurl/prune/method.h"

namespace uncurl::prune {

/// One vector an expert.
struct Vectors {
  Tensor gram_EE;     ///< [E,E] fp64, inner products
  Tensor sums_E;      ///< [E] fp64, sums of the coordinates
  double length = 0;  ///< number of coordinates
};

struct Comparison {
  const char* name;
  const char* description;
  bool needs_inputs;  ///< looks at LayerSummary::sample_inputs
  bool by_direction;  ///< lengths mean nothing: distances are between unit vectors, after centring
  Vectors (*vectors)(const MethodInput& input, const LayerSummary& layer);
};

const std::vector<Comparison>& comparisons();

/// @throws UsageError that lists the names there are
const Comparison& find_comparison(const std::string& name);

/// Affinities [E,E] by the cosine of the vectors. @throws Error naming the layer
Tensor affinity_of(const Vectors& vectors, const cluster::AffinityOptions& options, const LayerSummary& layer);

/// Larger is nearer [E,E] fp64: what anchors are chosen by. The affinity for comparisons by direction, else minus the
/// squared distance.
Tensor nearness(const Comparison& comparison, const MethodInput& input, const LayerSummary& layer);

/// What clusterings look at: the affinity, or points at the distances of the vectors, whichever the algorithm uses.
cluster::Items items_to_cluster(const Comparison& comparison, bool uses_affinity, const MethodInput& input,
                                const LayerSummary& layer);

}  // namespace uncurl::prune
