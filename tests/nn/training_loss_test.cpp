#include "uncurl/nn/training_loss.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "tests/support/expect_near.h"
#include "tests/support/random_experts.h"

namespace uncurl::nn {
namespace {

using test::random_tensor;

Tensor some_targets() { return at::tensor({3, -100, 0, 4, -100, 2, 1}, at::kLong); }

struct Gradients {
  double loss, next_token;
  Tensor hidden, head;
};

Gradients run(const Teacher& teacher, std::int64_t chunk_tokens) {
  const Tensor hidden = random_tensor({7, 6}, 1).requires_grad_(true),
               head = random_tensor({5, 6}, 2).requires_grad_(true);
  const LossSum sum = next_token_loss(hidden, head, some_targets(), teacher, chunk_tokens);
  torch::autograd::backward({sum.loss * 0.5}, {});
  return {sum.loss.item<double>(), sum.next_token.item<double>(), hidden.grad(), head.grad()};
}

/// The formula in plain operations, in fp64.
Gradients plain(const Teacher& teacher) {
  const Tensor hidden = random_tensor({7, 6}, 1).to(at::kDouble).requires_grad_(true);
  const Tensor head = random_tensor({5, 6}, 2).to(at::kDouble).requires_grad_(true);
  const Tensor logits = hidden.mm(head.t());
  const Tensor next = at::cross_entropy_loss(logits, some_targets(), {}, at::Reduction::Sum, kNoTarget);
  Tensor loss = next;
  if (teacher.hidden_ND.defined()) {
    const double t = teacher.temperature;
    const Tensor wanted =
        (teacher.hidden_ND.to(at::kDouble).mm(teacher.head_VD.to(at::kDouble).t()) / t).log_softmax(-1);
    const Tensor kl = (wanted.exp() * (wanted - (logits / t).log_softmax(-1))).sum(-1);
    const Tensor counted = kl.masked_select(some_targets().ne(kNoTarget)).sum();
    loss = (1 - teacher.weight) * next + teacher.weight * t * t * counted;
  }
  torch::autograd::backward({loss * 0.5}, {});
  return {loss.item<double>(), next.item<double>(), hidden.grad(), head.grad()};
}

void expect_equal(const Gradients& found, const Gradients& expected) {
  EXPECT_NEAR(found.loss, expected.loss, 1e-5 * expected.loss);
  EXPECT_NEAR(found.next_token, expected.next_token, 1e-5 * expected.next_token);
  EXPECT_TRUE(test::near(found.hidden, expected.hidden, 1e-6));
  EXPECT_TRUE(test::near(found.head, expected.head, 1e-5));
}

TEST(NextTokenLoss, EqualsTheFormulaWhateverTheChunks) {
  for (const std::int64_t chunk : {1, 3, 7, 1024}) expect_equal(run({}, chunk), plain({}));
}

TEST(NextTokenLoss, FollowsATeacher) {
  const Teacher teacher{random_tensor({7, 4}, 3), random_tensor({5, 4}, 4), 0.7, 2.0};
  for (const std::int64_t chunk : {2, 1024}) expect_equal(run(teacher, chunk), plain(teacher));
}

}  // namespace
}  // namespace uncurl::nn
