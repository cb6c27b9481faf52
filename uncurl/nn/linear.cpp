#include "uncurl/nn/linear.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/functions/utils.h>

#include "uncurl/kernels/differentiable.h"
#include "uncurl/kernels/onednn_linear.h"

namespace uncurl::nn {

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (!x.is_cpu() || at::autocast::is_autocast_enabled(at::kCPU) || x.scalar_type() != weight.scalar_type()) {
    return bias.defined() ? at::linear(x, weight, bias) : at::linear(x, weight);
  }
  if (!torch::autograd::compute_requires_grad(x, weight, bias)) return kernels::onednn_linear(x, weight, bias);
  return x.scalar_type() == at::kFloat ? kernels::differentiable_linear(x, weight, bias) : at::linear(x, weight, bias);
}

}  // namespace uncurl::nn
