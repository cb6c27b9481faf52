// Norms over the last dimension: root-mean-square with the rounding order of transformers (statistics in fp32, cast
// back, then the weight), and GPT-2's LayerNorm.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl::nn {

using at::Tensor;

/// @param x [..,D], @param weight [D]
Tensor rms_norm(const Tensor& x, const Tensor& weight, double epsilon);

/// (x - mean) / sqrt(variance + epsilon) weight + bias. @param x [..,D], @param weight [D], @param bias [D]
Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon);

/// A norm with a bias is a LayerNorm, one without is the root-mean-square.
Tensor norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon);

}  // namespace uncurl::nn
