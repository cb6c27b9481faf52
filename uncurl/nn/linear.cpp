#include "uncurl/nn/linear.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <algorithm>

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

bool wants_gradient(const Tensor& x, const std::vector<LinearMap>& maps) {
  return std::any_of(maps.begin(), maps.end(), [&](const LinearMap& map) {
    return torch::autograd::compute_requires_grad(x, map.weight, map.bias);
  });
}

std::vector<Tensor> by_libtorch(const Tensor& x, const std::vector<LinearMap>& maps) {
  std::vector<Tensor> results;
  for (const LinearMap& map : maps) {
    results.push_back(map.bias.defined() ? at::linear(x, map.weight, map.bias) : at::linear(x, map.weight));
  }
  return results;
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return linears(x, {{weight, bias}}).front();
}

std::vector<Tensor> linears(const Tensor& x, const std::vector<LinearMap>& maps) {
  const bool ours = std::all_of(maps.begin(), maps.end(), [&](const LinearMap& map) { return is_ours(x, map.weight); });
  if (!ours) return by_libtorch(x, maps);
  const Tensor x_cast = cast_for_product(x);
  std::vector<LinearMap> casts;
  for (const LinearMap& map : maps) casts.push_back({cast_for_product(map.weight), cast_for_product(map.bias)});
  if (wants_gradient(x, maps)) return kernels::differentiable_linears(x_cast, casts);
  std::vector<Tensor> results;
  for (const LinearMap& map : casts) results.push_back(kernels::onednn_linear(x_cast, map.weight, map.bias));
  return results;
}

void add_weight_gradient_(Tensor& sum, const Tensor& dy, const Tensor& x) {
  if (is_ours(dy, x)) {
    kernels::add_weight_gradient_(sum, cast_for_product(dy), cast_for_product(x));
  } else {
    sum.add_(at::linear(dy.t(), x.t()));
  }
}

}  // namespace uncurl::nn
