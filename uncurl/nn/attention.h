// Causal attention over packed rows: each row attends to itself alone, so no token is ever padding.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "uncurl/nn/implementation.h"

namespace uncurl::nn {

using at::Tensor;

/// @param q_NHd    [N,H,head_dim]
/// @param k_NHd    [N,Hkv,head_dim], H a multiple of Hkv; @param v_NHd likewise
/// @param begins   row r holds tokens begins[r] .. begins[r+1]-1; the first is 0, the last is N
/// @param window   a token sees itself and the window-1 tokens before it; 0 means all before it
/// @return         [N,H,head_dim]
Tensor attention(const Tensor& q_NHd, const Tensor& k_NHd, const Tensor& v_NHd, const std::vector<std::int64_t>& begins,
                 double scale, std::int64_t window, Implementation implementation = Implementation::kFastest);

/// The oracle: libtorch's, neighbouring rows of one length at a time; differentiable, on any device.
Tensor attention_plain(const Tensor& q_NHd, const Tensor& k_NHd, const Tensor& v_NHd,
                       const std::vector<std::int64_t>& begins, double scale, std::int64_t window);

}  // namespace uncurl::nn
