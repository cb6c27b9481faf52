// K-means that always returns exactly G groups, optionally none above a given size.
// Lloyd's iterations from k-means++ seeds, drawn greedily as scikit-learn does (Arthur and Vassilvitskii 2007).
#pragma once

#include "uncurl/cluster/clustering.h"

namespace uncurl::cluster {

struct KMeansOptions {
  int num_restarts = 30;     ///< the run of lowest inertia is kept, the first of equals
  int max_iterations = 300;  ///< Lloyd's iterations in one run
  int max_group_size = 0;    ///< 0 for no limit
  bool balanced = false;     ///< all groups of E/G points, or one more: max_group_size is not looked at
};

/// @param points_EP  [E,P] finite
/// @return           one of G groups per point, numbered in no particular order; no group is empty: one that loses its
///                   last point takes the point that is farthest from its own centre
/// Cost O(E^2 P) once, then O(E G P) per iteration; with a binding limit, O(E^2 G) more per iteration at worst,
/// balanced O((E+G)^3) more.
/// Plain loops on one thread: the same bits with any number of threads.
Labels kmeans(const Tensor& points_EP, int num_groups, const KMeansOptions& options, Rng& rng);

/// A row of algorithms/table.h. Looks at items.points only.
Labels kmeans_clustering(const Items& items, int num_groups, const ClusterOptions& options, Rng& rng);

}  // namespace uncurl::cluster
