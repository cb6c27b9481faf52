// Products and permutations of rows with backward passes of our own.
//
// Written here because libtorch's give sums that depend on the number of threads (MKL's fp32 products), or add rows one
// by one where a permutation only moves them.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace uncurl::kernels {

using at::Tensor;

/// y = x w^T + b
struct LinearMap {
  Tensor weight;  ///< [O,I], f32 or bf16 on the CPU
  Tensor bias;    ///< [O] or undefined
};

/// onednn_linear by each of the maps, with a backward made of the same product (kernels/linear_gradients.h).
/// @param x [N,I]; @return [N,O] of each map
std::vector<Tensor> differentiable_linears(const Tensor& x, const std::vector<LinearMap>& maps);

/// Row i of the result is row order[i] of x. @param order_N  a permutation, int64; @param inverse_N  its inverse
Tensor permute_rows(const Tensor& x_ND, const Tensor& order_N, const Tensor& inverse_N);

}  // namespace uncurl::kernels
