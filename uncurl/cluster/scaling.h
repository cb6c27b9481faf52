// Points from inner products: classical scaling (Torgerson 1952), so that vectors of any length can be clustered as
// points of E coordinates.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl::cluster {

/// Points whose mutual Euclidean distances are those of the vectors with these inner products; their mean is 0.
/// @param gram_EE  [E,E] fp64, symmetric; eigenvalues below 0 are taken as rounding and dropped
/// @return         [E,E] fp64
/// Cost O(E^3), on one thread.
at::Tensor points_of_gram(const at::Tensor& gram_EE);

}  // namespace uncurl::cluster
