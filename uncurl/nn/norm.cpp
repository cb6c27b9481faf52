#include "uncurl/nn/norm.h"

#include <ATen/ATen.h>

namespace uncurl::nn {

Tensor rms_norm(const Tensor& x, const Tensor& weight, double epsilon) {
  const Tensor x32 = x.to(at::kFloat);
  const Tensor scale = x32.pow(2).mean(-1, /*keepdim=*/true).add_(epsilon).rsqrt_();
  return weight * (x32 * scale).to(x.scalar_type());
}

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon) {
  return at::layer_norm(x, {x.size(-1)}, weight, bias, epsilon);
}

Tensor norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon) {
  return bias.defined() ? layer_norm(x, weight, bias, epsilon) : rms_norm(x, weight, epsilon);
}

}  // namespace uncurl::nn
