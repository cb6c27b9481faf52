// RMSNorm (Zhang and Sennrich 2019) with its gradient, each in one pass over the data; the twin of nn::rms_norm's plain
// operations.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl::kernels {

using at::Tensor;

/// y = weight * x / sqrt(mean(x^2) + epsilon) over the last dimension, differentiable with respect to x and weight.
/// The gradient of weight is summed in blocks of rows in one order, whatever the number of threads.
/// @param x [..., D], @param weight [D], f32 on the CPU
Tensor differentiable_rms_norm(const Tensor& x, const Tensor& weight, double epsilon);

}  // namespace uncurl::kernels
