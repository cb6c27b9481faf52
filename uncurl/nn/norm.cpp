#include "uncurl/nn/norm.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/functions/utils.h>

#include "uncurl/kernels/layer_norm.h"
#include "uncurl/kernels/rms_norm.h"

namespace uncurl::nn {

Tensor rms_norm(const Tensor& x, const Tensor& weight, double epsilon) {
  const bool wants_gradient = torch::autograd::compute_requires_grad(x, weight);
  if (wants_gradient && x.is_cpu() && x.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat) {
    return kernels::differentiable_rms_norm(x, weight, epsilon);
  }
  const Tensor x32 = x.to(at::kFloat);
  const Tensor scale = x32.pow(2).mean(-1, /*keepdim=*/true).add_(epsilon).rsqrt_();
  return weight * (x32 * scale).to(x.scalar_type());
}

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon) {
  const bool wants_gradient = torch::autograd::compute_requires_grad(x, weight);
  const bool ours = wants_gradient && x.is_cpu() && x.dim() == 2 && x.scalar_type() == at::kFloat &&
                    weight.scalar_type() == at::kFloat;
  return ours ? kernels::differentiable_layer_norm(x, weight, bias, epsilon)
              : at::layer_norm(x, {x.size(-1)}, weight, bias, epsilon);
}

Tensor norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon) {
  return bias.defined() ? layer_norm(x, weight, bias, epsilon) : rms_norm(x, weight, epsilon);
}

}  // namespace uncurl::nn
