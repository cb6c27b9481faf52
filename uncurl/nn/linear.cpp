#include "uncurl/nn/linear.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/functions/utils.h>

#include "uncurl/kernels/differentiable.h"
#include "uncurl/kernels/onednn_linear.h"
#include "uncurl/tensor/autocast.h"

namespace uncurl::nn {
namespace {

/// As autocast on the CPU would hand it to a product.
Tensor cast_for_product(const Tensor& x) {
  return x.defined() ? at::autocast::cached_cast(product_dtype(x), x, at::kCPU) : x;
}

bool is_ours(const Tensor& x, const Tensor& weight) {
  const at::ScalarType dtype = product_dtype(x);
  return x.is_cpu() && (dtype == at::kFloat || dtype == at::kBFloat16) && dtype == product_dtype(weight);
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (!is_ours(x, weight)) return bias.defined() ? at::linear(x, weight, bias) : at::linear(x, weight);
  const Tensor x_cast = cast_for_product(x), weight_cast = cast_for_product(weight), bias_cast = cast_for_product(bias);
  return torch::autograd::compute_requires_grad(x, weight, bias)
             ? kernels::differentiable_linear(x_cast, weight_cast, bias_cast)
             : kernels::onednn_linear(x_cast, weight_cast, bias_cast);
}

void add_weight_gradient_(Tensor& sum, const Tensor& dy, const Tensor& x) {
  if (is_ours(dy, x)) {
    kernels::add_weight_gradient_(sum, cast_for_product(dy), cast_for_product(x));
  } else {
    sum.add_(at::linear(dy.t(), x.t()));
  }
}

}  // namespace uncurl::nn
