#include "uncurl/cluster/algorithms/balanced.h"

#include "uncurl/cluster/algorithms/kmeans.h"
#include "uncurl/cluster/algorithms/table.h"

namespace uncurl::cluster {

Labels balanced_clustering(const Items& items, int num_groups, const ClusterOptions& options, Rng& rng) {
  return kmeans(items.points, num_groups, {.num_restarts = options.num_restarts, .balanced = true}, rng);
}

}  // namespace uncurl::cluster
