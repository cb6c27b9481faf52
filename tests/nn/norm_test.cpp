#include "uncurl/nn/norm.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/support/expect_near.h"

namespace uncurl::nn {
namespace {

using test::max_abs;
using test::random_tensor;

Tensor exact_norm(const Tensor& x, const Tensor& weight, double epsilon) {
  const Tensor x64 = x.to(at::kDouble);
  return weight.to(at::kDouble) * x64 / (x64.pow(2).mean(-1, /*keepdim=*/true) + epsilon).sqrt();
}

TEST(RmsNorm, FollowsItsFormulaInF32) {
  const Tensor x = random_tensor({7, 33}, 1) * 3, weight = random_tensor({33}, 2);
  const Tensor exact = exact_norm(x, weight, 1e-5);
  EXPECT_TRUE(test::near(rms_norm(x, weight, 1e-5), exact, 10 * 0x1p-24 * max_abs(exact)));  // a few roundings
}

TEST(RmsNorm, TakesStatisticsInF32WhereTheModelIsBf16) {
  const Tensor x = random_tensor({5, 256}, 3).to(at::kBFloat16), weight = random_tensor({256}, 4).to(at::kBFloat16);
  const Tensor exact = exact_norm(x, weight, 1e-6);
  const Tensor found = rms_norm(x, weight, 1e-6);
  EXPECT_EQ(found.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(test::near(found, exact, 2 * 0x1p-8 * max_abs(exact)));  // rounded to bf16 before and after the weight
}

// |x| over itself is one. Every bf16 of [1, 2) as a row of its own: squares or roots rounded to bf16 would miss it.
TEST(RmsNorm, OfOneElementIsExactlyOneInBf16) {
  const Tensor x = (1.0 + at::arange(128, at::kDouble).view({128, 1}) / 128.0).to(at::kBFloat16);
  const Tensor one = at::ones({1}, at::kBFloat16);
  EXPECT_TRUE(test::identical(rms_norm(x, one, 0.0), at::ones({128, 1}, at::kBFloat16)));
}

TEST(RmsNorm, OfZerosIsZero) {
  EXPECT_TRUE(test::identical(rms_norm(at::zeros({2, 4}), at::ones({4}), 1e-6), at::zeros({2, 4})));
}

TEST(RmsNorm, ByHand) {  // mean square of (3, 4) is 12.5; with epsilon 3.5 the root is 4
  EXPECT_TRUE(
      test::near(rms_norm(at::tensor({3.0f, 4.0f}), at::tensor({2.0f, 1.0f}), 3.5), at::tensor({1.5f, 1.0f}), 1e-6));
}

Tensor exact_layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon) {
  const Tensor centred = x.to(at::kDouble) - x.to(at::kDouble).mean(-1, /*keepdim=*/true);
  const Tensor deviation = (centred.pow(2).mean(-1, /*keepdim=*/true) + epsilon).sqrt();
  return weight.to(at::kDouble) * centred / deviation + bias.to(at::kDouble);
}

TEST(LayerNorm, FollowsItsFormula) {
  const Tensor x = random_tensor({7, 33}, 5) * 3 + 1, weight = random_tensor({33}, 6), bias = random_tensor({33}, 7);
  const Tensor exact = exact_layer_norm(x, weight, bias, 1e-5);
  EXPECT_TRUE(test::near(layer_norm(x, weight, bias, 1e-5), exact, 20 * 0x1p-24 * max_abs(exact)));
  EXPECT_TRUE(test::identical(norm(x, weight, bias, 1e-5), layer_norm(x, weight, bias, 1e-5)));
  EXPECT_TRUE(test::identical(norm(x, weight, {}, 1e-5), rms_norm(x, weight, 1e-5)));
}

}  // namespace
}  // namespace uncurl::nn
