#include "uncurl/nn/training_loss.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "uncurl/kernels/cross_entropy.h"
#include "uncurl/nn/linear.h"
#include "uncurl/tensor/row_sums.h"

namespace uncurl::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/// One chunk: its two losses as fp64 [n], and the gradient of the weighted sum by its logits [n,V].
struct ChunkLoss {
  Tensor loss_N, next_token_N, gradient_NV;
};

/// Without a teacher, on the CPU.
ChunkLoss fast_chunk_loss(const Tensor& logits_NV, const Tensor& targets_N) {
  Tensor gradient_NV = logits_NV.to(at::kFloat).contiguous();
  const Tensor next_N = kernels::cross_entropy_(gradient_NV, targets_N);
  return {next_N, next_N, gradient_NV};
}

/// @param logits_NV  may be overwritten
ChunkLoss chunk_loss(const Tensor& logits_NV, const Tensor& targets_N, const Tensor& teacher_NV,
                     const Teacher& teacher) {
  if (logits_NV.is_cpu() && !teacher_NV.defined()) return fast_chunk_loss(logits_NV, targets_N);
  const Tensor counts_N = targets_N.ne(kNoTarget), targets_N1 = targets_N.clamp_min(0).unsqueeze(1);
  const Tensor log_p_NV = logits_NV.log_softmax(-1, at::kFloat);
  const Tensor next_N =
      (-log_p_NV.gather(1, targets_N1).squeeze(1)).masked_fill(counts_N.logical_not(), 0).to(at::kDouble);
  Tensor gradient_NV = log_p_NV.exp();
  gradient_NV.scatter_add_(1, targets_N1, at::full_like(targets_N1, -1, at::kFloat));
  Tensor loss_N = next_N;
  if (teacher_NV.defined()) {
    const double t = teacher.temperature, w = teacher.weight;
    const Tensor log_q_NV = (logits_NV / t).log_softmax(-1, at::kFloat);
    const Tensor log_teacher_NV = (teacher_NV / t).log_softmax(-1, at::kFloat), p_NV = log_teacher_NV.exp();
    const Tensor kl_N = sum_of_rows(p_NV * (log_teacher_NV - log_q_NV));
    loss_N = (1 - w) * next_N + (w * t * t) * kl_N.masked_fill(counts_N.logical_not(), 0);
    gradient_NV = gradient_NV.mul_(1 - w).add_(log_q_NV.exp_().sub_(p_NV), w * t);
  }
  return {loss_N, next_N, gradient_NV.mul_(counts_N.unsqueeze(1))};
}

/// One after the other: the order must not depend on threads.
double sum_in_order(const Tensor& values_N) {
  const Tensor host = values_N.to(at::kCPU).contiguous();
  const auto* const first = host.const_data_ptr<double>();
  double sum = 0;
  for (std::int64_t i = 0; i < host.numel(); ++i) sum += first[i];
  return sum;
}

struct NextTokenLoss : Function<NextTokenLoss> {
  static variable_list forward(AutogradContext* context, const Tensor& hidden, const Tensor& head,
                               const Tensor& targets, const Teacher& teacher, std::int64_t chunk_tokens) {
    const bool wants_hidden = hidden.requires_grad(), wants_head = head.requires_grad();
    std::vector<Tensor> hidden_gradients;
    Tensor head_gradient = wants_head ? at::zeros(head.sizes(), head.options().dtype(at::kFloat)) : Tensor();
    double loss = 0, next_token = 0;
    for (std::int64_t begin = 0; begin < hidden.size(0); begin += chunk_tokens) {
      const std::int64_t length = std::min(chunk_tokens, hidden.size(0) - begin);
      const Tensor part_ND = hidden.narrow(0, begin, length);
      const Tensor teacher_NV = teacher.hidden_ND.defined()
                                    ? nn::linear(teacher.hidden_ND.narrow(0, begin, length), teacher.head_VD)
                                    : Tensor();
      const ChunkLoss chunk =
          chunk_loss(nn::linear(part_ND, head), targets.narrow(0, begin, length), teacher_NV, teacher);
      loss += sum_in_order(chunk.loss_N);
      next_token += sum_in_order(chunk.next_token_N);
      if (wants_hidden) hidden_gradients.push_back(nn::linear(chunk.gradient_NV, head.t()));
      if (wants_head) nn::add_weight_gradient_(head_gradient, chunk.gradient_NV, part_ND);
    }
    context->saved_data["hidden"] = wants_hidden ? at::cat(hidden_gradients) : Tensor();
    context->saved_data["head"] = head_gradient;
    const Tensor next = at::scalar_tensor(next_token, hidden.options().dtype(at::kDouble));
    context->mark_non_differentiable({next});
    return {at::scalar_tensor(loss, hidden.options().dtype(at::kFloat)), next};
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto scaled = [&](const char* name) {
      const Tensor gradient = context->saved_data[name].toTensor();
      return gradient.defined() ? gradient * gradients[0].to(gradient.scalar_type()) : Tensor();
    };
    return {scaled("hidden"), scaled("head"), Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

LossSum next_token_loss(const Tensor& hidden_ND, const Tensor& head_VD, const Tensor& targets_N, const Teacher& teacher,
                        std::int64_t chunk_tokens) {
  const variable_list result = NextTokenLoss::apply(hidden_ND, head_VD, targets_N, teacher, chunk_tokens);
  return {result[0], result[1]};
}

}  // namespace uncurl::nn
