#include "uncurl/nn/loss.h"

#include <ATen/ATen.h>

#include "uncurl/tensor/row_sums.h"

namespace uncurl::nn {

TokenDivergence token_divergence(const Tensor& logits_NV, const Tensor& other_NV, const Tensor& targets_N) {
  const Tensor p_NV = at::log_softmax(logits_NV, /*dim=*/-1, at::kFloat);
  const Tensor q_NV = at::log_softmax(other_NV, /*dim=*/-1, at::kFloat);
  const Tensor targets_N1 = targets_N.unsqueeze(-1);
  const auto loss = [&](const Tensor& log_probabilities) {
    return log_probabilities.gather(1, targets_N1).squeeze(-1).neg().to(at::kDouble);
  };
  const Tensor kl_N = sum_of_rows(p_NV.exp() * (p_NV - q_NV));
  const Tensor agrees_N = (p_NV.argmax(-1) == q_NV.argmax(-1)).to(at::kDouble);
  return {loss(p_NV), loss(q_NV), kl_N, agrees_N};
}

}  // namespace uncurl::nn
