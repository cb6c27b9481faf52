// A linear map with an optional bias: oneDNN where no gradient is wanted on a CPU, at::linear elsewhere.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl::nn {

using at::Tensor;

/// @param x [N,I], @param weight [O,I], @param bias [O] or undefined; @return [N,O]
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

}  // namespace uncurl::nn
