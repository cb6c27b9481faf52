#include "uncurl/kernels/onednn_linear.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <functional>

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

/// Written and added, in f32.
void expect_into(std::int64_t rows, std::int64_t in, std::int64_t out) {
  const Tensor x = random_tensor({rows, in}, 30), weight = random_tensor({out, in}, 31);
  const Tensor product = at::mm(x.to(at::kDouble), weight.to(at::kDouble).t());
  Tensor all = random_tensor({rows + 2, out}, 32), y = all.narrow(0, 1, rows);
  const Tensor above = all[0].clone(), below = all[rows + 1].clone();
  onednn_linear_into_(y, x, weight, /*add=*/false);
  EXPECT_TRUE(test::near(y, product, tolerance_f32(static_cast<double>(in))));
  onednn_linear_into_(y, x, weight.t().contiguous().t(), /*add=*/true);
  EXPECT_TRUE(test::near(y, 2 * product, 2 * tolerance_f32(static_cast<double>(in))));
  EXPECT_TRUE(test::identical(all[0], above) && test::identical(all[rows + 1], below));
}

TEST(OnednnLinear, IsWrittenIntoAndAddedToRowsOfATensor) {
  expect_into(37, 70, 53);
  expect_into(1, 70, 53);
  expect_into(0, 70, 53);
  expect_into(3, 21000, 5);  // a sum that is cut
}

void expect_weight_gradient(std::int64_t rows, std::int64_t in, std::int64_t out) {
  const Tensor dy = random_tensor({rows, out}, 10), x = random_tensor({rows, in}, 11);
  const Tensor exact = at::mm(dy.to(at::kDouble).t(), x.to(at::kDouble));
  EXPECT_TRUE(test::near(weight_gradient(dy, x), exact, tolerance_f32(static_cast<double>(rows))));
}

TEST(WeightGradient, EqualsTheExactProduct) {
  expect_weight_gradient(500, 20, 90);
  expect_weight_gradient(500, 90, 20);
  expect_weight_gradient(7, 20, 90);
  expect_weight_gradient(1, 3, 2);
  expect_weight_gradient(5000, 20, 90);  // a sum that is cut
}

TEST(WeightGradient, OfNoRowsIsZero) {
  const Tensor result = weight_gradient(at::empty({0, 5}), at::empty({0, 3}));
  EXPECT_TRUE(test::identical(result, at::zeros({5, 3})));
}

TEST(WeightGradient, IsAddedToWhatIsThere) {
  const Tensor dy = random_tensor({200, 30}, 16), x = random_tensor({200, 20}, 17),
               before = random_tensor({30, 20}, 18);
  Tensor sum = before.clone();
  add_weight_gradient_(sum, dy, x);
  const Tensor exact = before.to(at::kDouble) + at::mm(dy.to(at::kDouble).t(), x.to(at::kDouble));
  EXPECT_TRUE(test::near(sum, exact, tolerance_f32(200)));
  add_weight_gradient_(sum, dy.narrow(0, 0, 0), x.narrow(0, 0, 0));
  EXPECT_TRUE(test::near(sum, exact, tolerance_f32(200)));
}

/// On 1, 2, 3 and 8 threads.
void expect_same_bits(const std::function<Tensor()>& product) {
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const Tensor alone = product();
  for (const int threads : {2, 3, 8}) {
    at::set_num_threads(threads);
    EXPECT_TRUE(test::identical(product(), alone)) << threads << " threads";
  }
  at::set_num_threads(before);
}

TEST(WeightGradient, HasTheSameBitsOnAnyNumberOfThreads) {
  for (const std::int64_t out : {64, 256, 2048, 4096}) {
    const Tensor dy = random_tensor({4096, out}, 12), x = random_tensor({4096, 256}, 13);
    expect_same_bits([&] { return weight_gradient(dy, x); });
    const Tensor dy16 = dy.to(at::kBFloat16), x16 = x.to(at::kBFloat16);
    expect_same_bits([&] { return weight_gradient(dy16, x16); });
  }
}

TEST(WeightGradient, RoundsAtMostTwiceInBf16) {
  const Tensor dy = random_tensor({4096, 30}, 19).to(at::kBFloat16),
               x = random_tensor({4096, 20}, 20).to(at::kBFloat16);
  const Tensor exact = at::mm(dy.to(at::kDouble).t(), x.to(at::kDouble)), result = weight_gradient(dy, x);
  EXPECT_EQ(result.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(test::near(result, exact, 2 * 0x1p-8 * test::max_abs(exact)));
}

// Long sums with small results are where oneDNN itself would share a sum out.
TEST(OnednnLinear, HasTheSameBitsOnAnyNumberOfThreads) {
  const Tensor x = random_tensor({16, 30000}, 21), weight = random_tensor({64, 30000}, 22);
  expect_same_bits([&] { return onednn_linear(x, weight); });
  const Tensor turned = weight.t().contiguous();
  expect_same_bits([&] { return onednn_linear(x, turned.t()); });
  expect_same_bits([&] { return onednn_linear(x.narrow(0, 0, 1), turned.t()); });
  for (const std::int64_t depth : {500, 4096}) {
    const Tensor row = random_tensor({1, depth}, 23), columns = random_tensor({depth, 64}, 24);
    expect_same_bits([&] { return onednn_linear(row, columns.t()); });
  }
}

TEST(OnednnLinear, AddsABiasToALongSum) {
  const Tensor x = random_tensor({3, 21000}, 25), weight = random_tensor({5, 21000}, 26), bias = random_tensor({5}, 27);
  const Tensor exact = at::linear(x.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble));
  EXPECT_TRUE(test::near(onednn_linear(x, weight, bias), exact, tolerance_f32(21000)));
}

TEST(WeightGradient, TakesViewsWithStrides) {
  const Tensor dy = random_tensor({300, 50}, 14).narrow(1, 8, 40), x = random_tensor({300, 20}, 15).narrow(1, 2, 9);
  const Tensor exact = at::mm(dy.to(at::kDouble).t(), x.to(at::kDouble));
  EXPECT_TRUE(test::near(weight_gradient(dy, x), exact, tolerance_f32(300)));
}

}  // namespace
}  // namespace uncurl::kernels
