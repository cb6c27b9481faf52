// Experts into groups: points or an affinity matrix in, one group number per expert out.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "uncurl/base/random.h"
#include "uncurl/cluster/named.h"

namespace uncurl::cluster {

using at::Tensor;

/// One group number per item. Groups are numbered 0..G-1 in the order of their smallest members.
using Labels = std::vector<int>;

/// What is clustered. Either may be undefined; an algorithm refuses items that lack what it looks at.
struct Items {
  Tensor points;    ///< [E,P]
  Tensor affinity;  ///< [E,E] symmetric, not negative; the diagonal is ignored
};

/// Which eigenvectors of the affinity stand for the items in spectral clustering.
enum class Laplacian {
  kNjw,          ///< of D^-1/2 S D^-1/2, rows scaled to length 1 (Ng, Jordan and Weiss 2001, cited by the paper)
  kSklearn,      ///< of the same matrix, rows divided by sqrt(degree), as scikit-learn's SpectralClustering
  kUnnormalised  ///< of D - S; splits off single items of low degree unless affinities between groups are near 0
};
const std::vector<Named<Laplacian>>& laplacian_names();

struct ClusterOptions {
  std::string algorithm = "spectral";  ///< a name in algorithms/table.h
  std::optional<Laplacian> laplacian;  ///< spectral only, and kNjw if unset; others refuse it
  int num_restarts = 30;               ///< of k-means, least inertia kept; on a real router 10 missed it in 4% of cases
  int max_cluster_size = 0;            ///< no group may have more items; 0 for no limit. Some algorithms refuse it
};

/// Exactly `num_groups` groups, none empty, none above max_cluster_size.
/// The same items, options and state of `rng` give the same labels whatever the number of threads.
/// @throws Error if 1 <= num_groups <= E does not hold, max_cluster_size * num_groups < E, the algorithm is unknown or
///         needs what `items` lacks, or a number in `items` is not finite
[[nodiscard]] Labels cluster(const Items& items, int num_groups, const ClusterOptions& options, Rng& rng);

/// The same grouping with groups numbered by their smallest members. Labels may be any numbers.
Labels canonical(const Labels& labels);

}  // namespace uncurl::cluster
