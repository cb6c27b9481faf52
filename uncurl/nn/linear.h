// A linear map with an optional bias, differentiable: oneDNN for fp32 on a CPU, at::linear elsewhere and under
// autocast.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl::nn {

using at::Tensor;

/// @param x [N,I], @param weight [O,I], @param bias [O] or undefined; @return [N,O]
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

}  // namespace uncurl::nn
