// Spectral clustering: the items as rows of the leading eigenvectors of their affinity, grouped by k-means.
// Ng, Jordan and Weiss 2001, "On spectral clustering", which the paper cites without saying how it normalises.
#pragma once

#include "uncurl/cluster/clustering.h"

namespace uncurl::cluster {

/// A row of algorithms/table.h. Looks at items.affinity only.
Labels spectral_clustering(const Items& items, int num_groups, const ClusterOptions& options, Rng& rng);

/// The paper's F, which k-means runs on; the most telling eigenvector first, the largest entry of each positive.
/// An item without affinity to any other is a component of its own, except with kSklearn, which ignores it as
/// scikit-learn does. Where eigenvalues G and G+1 are equal, the choice between their eigenvectors is arbitrary.
/// @param affinity_EE  [E,E] symmetric, not negative, finite; the diagonal is ignored
/// @return             [E,G] fp64
/// Cost O(E^3): 5 ms for 256 experts. Run it inside SingleThread for the same bits with any number of threads.
Tensor spectral_embedding(const Tensor& affinity_EE, int num_groups, Laplacian laplacian);

}  // namespace uncurl::cluster
