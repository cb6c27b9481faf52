// Root-mean-square norm with the rounding order of transformers: statistics in fp32, cast back, then the weight.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl::nn {

using at::Tensor;

/// @param x [..,D], @param weight [D]
Tensor rms_norm(const Tensor& x, const Tensor& weight, double epsilon);

}  // namespace uncurl::nn
