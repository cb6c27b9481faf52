// Agglomerative clustering: every item is a group at first, and the two nearest groups become one until G are left.
// What "nearest" means is the linkage. Lance and Williams 1967, "A general theory of classificatory sorting
// strategies", whose recurrence gives the distances after each step from those before it.
#pragma once

#include "uncurl/cluster/clustering.h"

namespace uncurl::cluster {

/// The distance of two groups, from the Euclidean distances of their members.
enum class Linkage {
  kSingle,    ///< the least
  kAverage,   ///< the mean
  kComplete,  ///< the greatest
  kWard       ///< what a merge adds to the sum of squared distances from the groups' means
};

/// @param points_EP  [E,P] finite
/// @return           one of G groups per point. Of equally near pairs the one with the lowest numbers is merged first
/// Cost O(E^2 P + E^3): 0.1 s for 512 experts. Plain loops on one thread.
Labels agglomerate(const Tensor& points_EP, int num_groups, Linkage linkage);

/// Rows of algorithms/table.h. They look at items.points only.
Labels agglomerative_single(const Items& items, int num_groups, const ClusterOptions& options, Rng& rng);
Labels agglomerative_average(const Items& items, int num_groups, const ClusterOptions& options, Rng& rng);
Labels agglomerative_complete(const Items& items, int num_groups, const ClusterOptions& options, Rng& rng);
Labels agglomerative_ward(const Items& items, int num_groups, const ClusterOptions& options, Rng& rng);

}  // namespace uncurl::cluster
