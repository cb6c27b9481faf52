// LayerNorm (Ba et al. 2016) with a gradient in one pass over the data; libtorch's sums the gradients of weight and
// bias in an order that depends on the number of threads.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl::kernels {

using at::Tensor;

/// at::layer_norm over the last dimension, differentiable with respect to x, weight and bias. The gradients of weight
/// and bias are summed in blocks of rows in one order, whatever the number of threads.
/// @param x [N,D], @param weight [D], @param bias [D], f32 on the CPU
Tensor differentiable_layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon);

}  // namespace uncurl::kernels
