#include "uncurl/nn/linear.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "uncurl/kernels/onednn_linear.h"

namespace uncurl::nn {

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const bool wants_gradient = at::GradMode::is_enabled() && (x.requires_grad() || weight.requires_grad());
  if (!x.is_cpu() || wants_gradient) return bias.defined() ? at::linear(x, weight, bias) : at::linear(x, weight);
  return kernels::onednn_linear(x, weight, bias);
}

}  // namespace uncurl::nn
