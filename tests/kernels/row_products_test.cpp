#include "uncurl/kernels/row_products.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "tests/support/expect_near.h"

namespace uncurl::kernels {
namespace {

/// Sizes within a block, over the borders of blocks, and odd.
TEST(Bf16RowProducts, EqualThoseInDouble) {
  if (!has_bf16_row_products(2)) GTEST_SKIP() << "this machine has no fast product of bf16";
  for (const auto [m, n, depth] : {std::array<std::int64_t, 3>{3, 5, 8}, {70, 769, 4}, {5, 6, 2050}, {64, 768, 2048}}) {
    const Tensor a = test::random_tensor({m, depth}, 1).to(at::kBFloat16),
                 b = test::random_tensor({n, depth}, 2).to(at::kBFloat16);
    const Tensor expected = at::mm(a.to(at::kDouble), b.to(at::kDouble).t());
    // A sum in fp32 is off by one rounding a step at most, and by their root where they have no common sign.
    const double rounding = 6e-8 * std::sqrt(static_cast<double>(depth)) * expected.abs().max().item<double>();
    EXPECT_TRUE(test::near(bf16_row_products(a, b), expected, rounding)) << m << " " << n << " " << depth;
  }
}

TEST(Bf16RowProducts, WantRowsOfEvenLength) { EXPECT_FALSE(has_bf16_row_products(7)); }

}  // namespace
}  // namespace uncurl::kernels
