#include "uncurl/kernels/onednn_linear.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "tests/support/expect_near.h"

namespace uncurl::kernels {
namespace {

using test::random_tensor;

/// Rounding of the sum of `terms` products of standard normal values in fp32, ten standard deviations of it.
double tolerance_f32(double terms) { return 10 * terms * 0x1p-24 + 1e-6; }

TEST(OnednnLinear, EqualsTheExactProductInF32) {
  const Tensor x = random_tensor({37, 70}, 1), weight = random_tensor({53, 70}, 2);
  const Tensor exact = at::mm(x.to(at::kDouble), weight.to(at::kDouble).t());
  EXPECT_TRUE(test::near(onednn_linear(x, weight), exact, tolerance_f32(70)));
}

TEST(OnednnLinear, EqualsAtLinearInF32) {
  const Tensor x = random_tensor({37, 70}, 1), weight = random_tensor({53, 70}, 2);
  EXPECT_TRUE(test::near(onednn_linear(x, weight), at::linear(x, weight), 2 * tolerance_f32(70)));
}

TEST(OnednnLinear, EqualsAtLinearInBf16) {
  const Tensor x = random_tensor({37, 70}, 3).to(at::kBFloat16), weight = random_tensor({53, 70}, 4).to(at::kBFloat16);
  const Tensor expected = at::linear(x, weight);
  EXPECT_TRUE(test::near(onednn_linear(x, weight), expected, 0x1p-7 * test::max_abs(expected)));  // one step of bf16
}

TEST(OnednnLinear, OfASingleRowEqualsTheExactProduct) {
  const Tensor x = random_tensor({1, 70}, 5), weight = random_tensor({53, 70}, 6);
  const Tensor exact = at::mm(x.to(at::kDouble), weight.to(at::kDouble).t());
  EXPECT_TRUE(test::near(onednn_linear(x, weight), exact, tolerance_f32(70)));
}

TEST(OnednnLinear, OfNoRowsIsEmpty) {
  EXPECT_EQ(onednn_linear(at::empty({0, 8}), at::zeros({5, 8})).sizes(), at::IntArrayRef({0, 5}));
}

TEST(OnednnLinear, TakesViewsWithStrides) {
  const Tensor x = random_tensor({20, 64}, 7), both = random_tensor({48, 64}, 8);
  const Tensor half = both.narrow(0, 24, 24), columns = x.narrow(1, 16, 32);
  EXPECT_TRUE(test::identical(onednn_linear(x, half), onednn_linear(x, half.clone())));
  const Tensor weight = random_tensor({9, 32}, 9);
  EXPECT_TRUE(test::identical(onednn_linear(columns, weight), onednn_linear(columns.contiguous(), weight)));
}

}  // namespace
}  // namespace uncurl::kernels
