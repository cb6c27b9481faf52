// K-means into groups of equal size: E/G experts each, or one more in some groups where E/G is no whole number.
// Malinen and Franti 2014, "Balanced K-Means for Clustering".
#pragma once

#include "uncurl/cluster/clustering.h"

namespace uncurl::cluster {

/// A row of algorithms/table.h. Looks at items.points only.
Labels balanced_clustering(const Items& items, int num_groups, const ClusterOptions& options, Rng& rng);

}  // namespace uncurl::cluster
