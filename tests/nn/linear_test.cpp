#include "uncurl/nn/linear.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/support/expect_near.h"

namespace uncurl::nn {
namespace {

using test::random_tensor;

Tensor exact(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return at::mm(x.to(at::kDouble), weight.to(at::kDouble).t()) + bias.to(at::kDouble);
}

TEST(Linear, AddsItsBiasInF32) {
  const Tensor x = random_tensor({6, 20}, 1), weight = random_tensor({9, 20}, 2), bias = random_tensor({9}, 3);
  EXPECT_TRUE(test::near(nn::linear(x, weight, bias), exact(x, weight, bias), 1e-5));
}

TEST(Linear, WithABiasRoundsOnceInBf16) {
  const Tensor x = random_tensor({6, 20}, 1).to(at::kBFloat16), weight = random_tensor({9, 20}, 2).to(at::kBFloat16);
  const Tensor bias = 100 * at::ones({9}, at::kBFloat16);
  const Tensor expected = exact(x, weight, bias);
  // Half a bf16 step at 64..128 is 0.25; a second rounding of the product near 10 would add up to 0.03.
  EXPECT_TRUE(test::near(nn::linear(x, weight, bias), expected, 0.2501));
}

TEST(Linear, PassesGradientsOnWhereTheyAreWanted) {
  const Tensor x = random_tensor({6, 20}, 1), weight = random_tensor({9, 20}, 2).requires_grad_();
  nn::linear(x, weight).sum().backward();
  const Tensor expected = x.sum(0).expand({9, 20});  // of the sum over all outputs
  EXPECT_TRUE(test::near(weight.grad(), expected, 1e-5));
}

}  // namespace
}  // namespace uncurl::nn
