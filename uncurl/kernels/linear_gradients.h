// Gradients of linear maps of one x, such as those to queries, keys and values.
//
// Where the weights are small, threads take some rows each: gradients by x and by the weights come from the same rows
// while they are in the cache, and all threads at one product would each read most of its factors for little of the
// result.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace uncurl::kernels {

using at::Tensor;

/// One of the maps, y = x w^T + b.
struct MapGradient {
  Tensor dy;      ///< [N,O], by the result
  Tensor weight;  ///< [O,I]
  bool wants_weight, wants_bias;
};

struct LinearGradients {
  Tensor x;                             ///< [N,I], the sum over all maps; undefined where not wanted
  std::vector<Tensor> weights, biases;  ///< by map; undefined where not wanted
};

/// @param x [N,I], of the dtype of all dy and weights (f32 or bf16) on the CPU, no gradient wanted
/// The number of threads changes no bit.
LinearGradients linear_gradients(const Tensor& x, const std::vector<MapGradient>& maps, bool wants_x);

}  // namespace uncurl::kernels
