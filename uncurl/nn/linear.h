// A linear map with an optional bias, differentiable: oneDNN for fp32 and bf16 on a CPU, in the dtype of autocast where
// that is on; at::linear elsewhere.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "uncurl/kernels/differentiable.h"

namespace uncurl::nn {

using at::Tensor;

/// @param x [N,I], @param weight [O,I], @param bias [O] or undefined; @return [N,O]
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

using kernels::LinearMap;

/// linear() by each of the maps. In training it is faster than one after the other: the gradient by x is summed where
/// it is computed.
std::vector<Tensor> linears(const Tensor& x, const std::vector<LinearMap>& maps);

/// sum += dy^T x, the gradient of linear() by its weight, for those who write their own backward pass. Under autocast
/// the product is rounded to its dtype before it is added.
/// @param sum [O,I], f32, contiguous; @param dy [N,O], @param x [N,I], no gradient wanted
void add_weight_gradient_(Tensor& sum, const Tensor& dy, const Tensor& x);

}  // namespace uncurl::nn
