#include "uncurl/tensor/row_sums.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/expect_near.h"

namespace uncurl {
namespace {

constexpr std::int64_t kLong = 151936;  // beyond 32,768 terms libtorch shares a single sum out among threads

/// reduce(x) on 1, 2, 3 and 8 threads is the same to the last bit.
template <class Reduce>
void expect_same_on_any_threads(Reduce reduce) {
  const Tensor row_1V = 3 * test::random_tensor({1, kLong}, /*seed=*/1);
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const Tensor expected = reduce(row_1V);
  for (const int threads : {2, 3, 8}) {
    at::set_num_threads(threads);
    EXPECT_TRUE(test::identical(reduce(row_1V), expected)) << threads << " threads";
  }
  at::set_num_threads(before);
}

TEST(RowSums, OfOneLongRowAreTheSameOnAnyNumberOfThreads) {
  expect_same_on_any_threads([](const Tensor& x) { return sum_of_rows(x); });
  expect_same_on_any_threads([](const Tensor& x) { return sum_of_rows(x.to(at::kDouble)); });
  expect_same_on_any_threads([](const Tensor& x) { return log_sum_exp_of_rows(x); });
}

TEST(RowSums, EqualPlainLoopsInDouble) {
  for (const std::int64_t rows : {1, 2}) {
    const Tensor x_NV = test::random_tensor({rows, 1000}, /*seed=*/2);
    const Tensor sums = sum_of_rows(x_NV), logs = log_sum_exp_of_rows(x_NV);
    for (std::int64_t n = 0; n < rows; ++n) {
      double sum = 0, exponentials = 0;
      for (std::int64_t v = 0; v < x_NV.size(1); ++v) {
        const double x = x_NV[n][v].item<double>();
        sum += x;
        exponentials += std::exp(x);
      }
      EXPECT_NEAR(sums[n].item<double>(), sum, 1e-10);                        // 1000 terms of size one, in fp64
      EXPECT_NEAR(logs[n].item<double>(), std::log(exponentials), 1e-6 * 8);  // fp32 rounds a result near 7.4
    }
  }
}

}  // namespace
}  // namespace uncurl
