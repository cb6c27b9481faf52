// The auxiliary loss that keeps experts evenly used while a router is trained.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl::nn {

using at::Tensor;

/// E sum_e f_e P_e of one layer: f_e is the number of choices of expert e per token, counted before any is dropped
/// (they add up to K), P_e the mean of its score. K when all experts are used alike. Gradients flow through P alone.
/// Fedus et al. 2022, equations 4 to 6, with K choices counted as transformers does.
/// @param scores_NE  [N,E] fp32, softmax of the logits; @param ids_NK [N,K] int64; @return a scalar, fp32
Tensor load_balancing_loss(const Tensor& scores_NE, const Tensor& ids_NK);

}  // namespace uncurl::nn
