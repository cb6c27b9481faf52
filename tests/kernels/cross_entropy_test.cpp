#include "uncurl/kernels/cross_entropy.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "tests/support/expect_near.h"
#include "tests/support/random_experts.h"
#include "uncurl/base/error.h"

namespace uncurl::kernels {
namespace {

using test::random_tensor;

struct Found {
  Tensor losses_N, gradient_NV;
};

Found found(const Tensor& logits_NV, const Tensor& targets_N) {
  Tensor gradient_NV = logits_NV.clone();
  const Tensor losses_N = cross_entropy_(gradient_NV, targets_N);
  return {losses_N, gradient_NV};
}

/// libtorch's loss in fp64 and its own gradient.
Found expected(const Tensor& logits_NV, const Tensor& targets_N) {
  const Tensor logits = logits_NV.to(at::kDouble).requires_grad_(true);
  const Tensor losses_N = at::cross_entropy_loss(logits, targets_N, {}, at::Reduction::None);
  torch::autograd::backward({losses_N.sum()}, {});
  return {losses_N.detach(), logits.grad()};
}

TEST(CrossEntropy, EqualsLibtorchInFp64) {
  for (const double spread : {0.1, 3.0, 40.0}) {
    const Tensor logits = random_tensor({50, 1003}, 1) * spread;
    const Tensor targets = at::arange(50) * 20;
    targets.narrow(0, 10, 5).fill_(-100);
    const Found ours = found(logits, targets), theirs = expected(logits, targets);
    EXPECT_TRUE(at::allclose(ours.losses_N, theirs.losses_N, 1e-6, 1e-6)) << spread;
    EXPECT_TRUE(test::near(ours.gradient_NV, theirs.gradient_NV, 1e-6)) << spread;
  }
}

TEST(CrossEntropy, OfAnImpossibleTargetIsItsDistance) {
  const Tensor logits = at::tensor({0.0f, 300.0f}).view({1, 2});
  EXPECT_NEAR(found(logits, at::zeros({1}, at::kLong)).losses_N.item<double>(), 300, 1e-4);
}

TEST(CrossEntropy, DependsNeitherOnThreadsNorOnTheOtherRows) {
  const Tensor logits = random_tensor({33, 517}, 2), targets = at::arange(33);
  const Found all = found(logits, targets);
  const int threads = at::get_num_threads();
  at::set_num_threads(threads == 1 ? 2 : 1);
  EXPECT_TRUE(at::equal(found(logits, targets).gradient_NV, all.gradient_NV));
  at::set_num_threads(threads);
  const Found part = found(logits.narrow(0, 7, 3).clone(), targets.narrow(0, 7, 3));
  EXPECT_TRUE(at::equal(part.gradient_NV, all.gradient_NV.narrow(0, 7, 3)));
  EXPECT_TRUE(at::equal(part.losses_N, all.losses_N.narrow(0, 7, 3)));
}

TEST(CrossEntropy, RefusesATargetThatIsNoTokenAndLeavesTheLogits) {
  Tensor logits = random_tensor({3, 20}, 3);
  const Tensor before = logits.clone(), targets = at::tensor({0, 19, 20}, at::kLong);
  try {
    cross_entropy_(logits, targets);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("target of token 2 is 20, but the vocabulary has 20"));
  }
  EXPECT_TRUE(at::equal(logits, before));
}

TEST(CrossEntropy, OfNaNIsNaN) {
  const Tensor logits = at::zeros({1, 20});
  logits.fill_(NAN);
  EXPECT_TRUE(found(logits, at::zeros({1}, at::kLong)).losses_N.isnan().all().item<bool>());
}

}  // namespace
}  // namespace uncurl::kernels
