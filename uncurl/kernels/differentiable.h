// Products and permutations of rows with backward passes of our own.
//
// Written here because libtorch's give sums that depend on the number of threads (MKL's fp32 products), or add rows one
// by one where a permutation only moves them.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl::kernels {

using at::Tensor;

/// onednn_linear with a backward made of the same product: the number of threads changes no bit of a gradient.
/// @param x [N,I], @param weight [O,I], @param bias [O] or undefined, f32 or bf16 on the CPU; @return [N,O]
Tensor differentiable_linear(const Tensor& x, const Tensor& weight, const Tensor& bias);

/// Row i of the result is row order[i] of x. @param order_N  a permutation, int64; @param inverse_N  its inverse
Tensor permute_rows(const Tensor& x_ND, const Tensor& order_N, const Tensor& inverse_N);

}  // namespace uncurl::kernels
