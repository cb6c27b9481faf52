#include "uncurl/kernels/sum_rows.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "tests/support/expect_near.h"

namespace uncurl::kernels {
namespace {

using test::random_tensor;

void expect_sums(const Tensor& x, double tolerance) {
  EXPECT_TRUE(test::near(sum_rows(x), x.to(at::kDouble).sum(0), tolerance));
}

/// Rounding of the sum of so many standard normal values in fp32, ten standard deviations of it.
double rounding_of_normal(std::int64_t terms) { return 10 * static_cast<double>(terms) * 0x1p-24 + 1e-6; }

TEST(SumRows, AddsEveryRowOnce) {
  for (const std::int64_t rows : {1, 63, 64, 65, 1000}) {
    expect_sums(random_tensor({rows, 37}, 1), rounding_of_normal(rows));
  }
}

TEST(SumRows, OfNoRowsIsZero) { expect_sums(at::empty({0, 5}), 0); }

TEST(SumRows, TakesViewsWithStrides) {
  expect_sums(random_tensor({200, 30}, 2).narrow(1, 3, 11), rounding_of_normal(200));
}

TEST(SumRows, RoundsOnceInBf16) {
  const Tensor x = random_tensor({500, 20}, 3).to(at::kBFloat16);
  EXPECT_EQ(sum_rows(x).scalar_type(), at::kBFloat16);
  expect_sums(x, 0x1p-8 * test::max_abs(x.to(at::kDouble).sum(0)));
}

TEST(SumRows, HasTheSameBitsOnAnyNumberOfThreads) {
  const int before = at::get_num_threads();
  const Tensor x = random_tensor({30000, 64}, 4);
  at::set_num_threads(1);
  const Tensor alone = sum_rows(x);
  for (const int threads : {2, 3, 8}) {
    at::set_num_threads(threads);
    EXPECT_TRUE(test::identical(sum_rows(x), alone)) << threads << " threads";
  }
  at::set_num_threads(before);
}

}  // namespace
}  // namespace uncurl::kernels
