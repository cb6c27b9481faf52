// What a language model is trained on: the loss of the next token, and how far it is from a teacher.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace uncurl::nn {

using at::Tensor;

/// Marks a token whose successor does not count, as in PyTorch and transformers.
inline constexpr std::int64_t kNoTarget = -100;

/// A model whose next-token distributions are followed (Hinton et al. 2015).
struct Teacher {
  Tensor hidden_ND;        ///< what its head sees at the same tokens; undefined: there is no teacher
  Tensor head_VD;          ///< [V,D'], D' may differ from the student's
  double weight = 0;       ///< its share of the loss; the rest is that of the next token
  double temperature = 1;  ///< logits of both are divided by it; the KL is multiplied by its square
};

/// The sum over tokens that have a target of
///   (1 - weight) (-log p(target)) + weight temperature^2 KL(teacher || model).
/// Logits are never held for more than `chunk_tokens` tokens: the gradients of head and hidden states are computed on
/// the way forward, and backward scales them.
/// @param hidden_ND  [N,D] what the head sees; @param head_VD [V,D]; f32, or bf16 under autocast
/// @param targets_N  [N] int64, kNoTarget where nothing counts
/// @return           loss: a scalar, fp32, differentiable with respect to hidden states and head;
///                   next_token: the sum of -log p(target) alone, fp64, not differentiable
struct LossSum {
  Tensor loss, next_token;
};
LossSum next_token_loss(const Tensor& hidden_ND, const Tensor& head_VD, const Tensor& targets_N,
                        const Teacher& teacher = {}, std::int64_t chunk_tokens = 1024);

}  // namespace uncurl::nn
