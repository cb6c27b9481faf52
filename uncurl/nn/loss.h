// Next-token loss, and how far two models' next-token distributions are apart, token by token.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl::nn {

using at::Tensor;

/// Per predicted token, fp64 [N]; the sums are the caller's.
struct TokenDivergence {
  Tensor loss_original;  ///< -log p(target), nats
  Tensor loss_other;     ///< -log q(target), nats
  Tensor kl;             ///< KL(p || q) over the vocabulary, nats
  Tensor agrees;         ///< 1 where both models' likeliest tokens are the same
};

/// @param logits_NV [N,V] of the original, @param other_NV [N,V] of the other model, any floating dtype (taken in fp32)
/// @param targets_N [N] int64
TokenDivergence token_divergence(const Tensor& logits_NV, const Tensor& other_NV, const Tensor& targets_N);

}  // namespace uncurl::nn
