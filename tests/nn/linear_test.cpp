#include "uncurl/nn/linear.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/support/expect_near.h"
#include "uncurl/tensor/autocast.h"

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

TEST(Linear, UnderAutocastIsThatOfLibtorch) {
  const Tensor x = random_tensor({60, 20}, 4), weight = random_tensor({9, 20}, 5), bias = random_tensor({9}, 6);
  const auto run = [&](auto product) {
    const Tensor in = x.clone().requires_grad_(), by = weight.clone().requires_grad_(),
                 add = bias.clone().requires_grad_();
    const Autocast autocast(at::kCPU, at::kBFloat16);
    const Tensor out = product(in, by, add);
    out.to(at::kFloat).pow(2).sum().backward();
    return std::vector<Tensor>{out.detach(), in.grad(), by.grad(), add.grad()};
  };
  const auto ours = run([](const auto&... in) { return nn::linear(in...); });
  const auto theirs = run([](const auto&... in) { return at::linear(in...); });
  for (std::size_t i = 0; i < ours.size(); ++i) {
    EXPECT_EQ(ours[i].scalar_type(), theirs[i].scalar_type());
    EXPECT_TRUE(test::near(ours[i], theirs[i], 0x1p-7 * test::max_abs(theirs[i]))) << i;  // one step of bf16
  }
}

TEST(AddWeightGradient, AddsTheExactProductInF32AndF64) {
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    const Tensor dy = random_tensor({60, 9}, 7).to(dtype), x = random_tensor({60, 20}, 8).to(dtype);
    const Tensor before = random_tensor({9, 20}, 9).to(dtype);
    Tensor sum = before.clone();
    add_weight_gradient_(sum, dy, x);
    const Tensor exact = before.to(at::kDouble) + at::mm(dy.to(at::kDouble).t(), x.to(at::kDouble));
    EXPECT_TRUE(test::near(sum, exact, 1e-4)) << dtype;  // sums of 60 products of standard normal values
  }
}

TEST(AddWeightGradient, UnderAutocastRoundsTheProductToItsDtype) {
  const Tensor dy = random_tensor({60, 9}, 7), x = random_tensor({60, 20}, 8);
  Tensor sum = at::zeros({9, 20});
  {
    const Autocast autocast(at::kCPU, at::kBFloat16);
    add_weight_gradient_(sum, dy, x);
  }
  const Tensor exact = at::mm(dy.to(at::kBFloat16).to(at::kDouble).t(), x.to(at::kBFloat16).to(at::kDouble));
  EXPECT_TRUE(test::near(sum, exact, 0x1p-8 * test::max_abs(exact)));
  EXPECT_TRUE(test::identical(sum, sum.to(at::kBFloat16).to(at::kFloat)));
}

}  // namespace
}  // namespace uncurl::nn
