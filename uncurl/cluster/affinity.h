// How alike two experts are, judged by the router: the cosine of their logit columns over all observed tokens.
// Sarkar et al. 2024 (arXiv 2409.01483), Algorithm 1, lines 1 to 5. The paper's (1+S)/2 stands inside the loop over
// pairs, where it would drive every entry to 1; it is applied once here.
// Softmax does not see a constant added to all logits of a token, but the cosine does: token-centring removes it.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "uncurl/cluster/named.h"

namespace uncurl::cluster {

using at::Tensor;

/// What is subtracted from the logits [N,E] before the cosine.
enum class Centering {
  kNone,    ///< nothing: the paper
  kToken,   ///< each token's mean over the experts: what softmax ignores
  kExpert,  ///< each expert's mean over the tokens: the cosine becomes Pearson's correlation
  kBoth
};
const std::vector<Named<Centering>>& centering_names();

/// How a cosine S in [-1,1] becomes an affinity in [0,1].
enum class AffinityMap {
  kHalf,     ///< (1+S)/2: the paper
  kPositive  ///< max(0,S)
};
const std::vector<Named<AffinityMap>>& affinity_map_names();

struct AffinityOptions {
  Centering centering = Centering::kNone;
  AffinityMap map = AffinityMap::kHalf;
  int power = 1;  ///< of the mapped entries; above 1 it pushes middling affinities towards 0
};

/// Affinity of experts by the cosine of their router-logit columns.
/// @param gram_EE       [E,E] fp64, sum over tokens of h h^T
/// @param logit_sums_E  [E] fp64, sum over tokens of h; looked at only by kExpert and kBoth
/// @param num_tokens    N, likewise
/// @return              [E,E] fp64, symmetric, in [0,1], ones on the diagonal
/// @throws Error if an expert's column is not finite or is zero after centring (names the expert), if power < 1
/// Cost O(E^2); the gram matrix already holds the O(E^2 N) part. The result does not depend on the number of threads.
Tensor router_affinity(const Tensor& gram_EE, const Tensor& logit_sums_E, double num_tokens,
                       const AffinityOptions& options);

}  // namespace uncurl::cluster
