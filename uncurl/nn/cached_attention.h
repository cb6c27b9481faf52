// Causal attention whose keys were partly computed before: rows that continue another row, and the next token of
// sequences whose keys and values are kept.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl::nn {

using at::Tensor;

/// One row of T tokens after S-T earlier ones.
/// @param q_THd   [T,H,head_dim]
/// @param k_SHd   [S,Hkv,head_dim], S >= T, H a multiple of Hkv; @param v_SHd likewise
/// @param window  a token sees itself and the window-1 tokens before it; 0 means all before it
/// @return        [T,H,head_dim]
Tensor continued_attention(const Tensor& q_THd, const Tensor& k_SHd, const Tensor& v_SHd, double scale,
                           std::int64_t window);

/// The newest token of each of B sequences.
/// @param q_BHd      [B,H,head_dim]
/// @param k_BHCd     [B,Hkv,C,head_dim], the first lengths[b] of sequence b count; @param v_BHCd likewise
/// @param lengths_B  [B] int64, at least 1: the newest token included
/// @param window     as above
/// @return           [B,H,head_dim]
Tensor cached_attention(const Tensor& q_BHd, const Tensor& k_BHCd, const Tensor& v_BHCd, const Tensor& lengths_B,
                        double scale, std::int64_t window);

}  // namespace uncurl::nn
