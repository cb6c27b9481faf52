// GELU in its tanh form, gelu(x) = x sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3)), and its gradient, each in one pass over
// the data. The twin in plain operations is at::gelu(x, "tanh").
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl::kernels {

using at::Tensor;

/// fp32 and bf16 (computed in fp32) on the CPU by the loop below, anything else by libtorch. No gradient is recorded.
Tensor gelu_tanh(const Tensor& x);

/// dy gelu'(x)
Tensor gelu_tanh_backward(const Tensor& x, const Tensor& dy);

/// gelu_tanh(x) with a gradient.
Tensor differentiable_gelu(const Tensor& x);

}  // namespace uncurl::kernels
