#include "uncurl/nn/rope.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/expect_near.h"

namespace uncurl::nn {
namespace {

using test::max_abs;
using test::random_tensor;

/// x [head_dim] turned to one position: [head_dim].
Tensor turned(const Tensor& x, const RopeTables& tables, std::int64_t position) {
  return apply_rope(x.view({1, 1, -1}), tables, at::tensor({position}, at::kLong)).view(-1);
}

RopeTables tables_of(std::int64_t head_dim, double theta, std::int64_t positions) {
  return rope_tables(rope_frequencies(head_dim, theta), positions, at::kFloat);
}

TEST(Rope, FrequenciesFallFromOneByPowersOfTheta) {
  const Tensor expected = at::tensor({1.0, 1.0 / 10.0, 1.0 / 100.0, 1.0 / 1000.0}, at::kDouble);
  EXPECT_TRUE(test::near(rope_frequencies(8, 10000.0), expected, 1e-7));
}

TEST(Rope, TurnsADimensionWithItsPartnerHalfAHeadAway) {  // head_dim 4: pairs (0,2) by p, (1,3) by p / 10
  const Tensor x = at::tensor({1.0f, 0.0f, 0.0f, 1.0f});
  const Tensor expected = at::tensor({std::cos(3.0), -std::sin(0.3), std::sin(3.0), std::cos(0.3)}, at::kDouble);
  EXPECT_TRUE(test::near(turned(x, tables_of(4, 100.0, 5), 3), expected, 1e-6));
}

TEST(Rope, LeavesPositionZeroAlone) {
  const Tensor x = random_tensor({16}, 1);
  EXPECT_TRUE(test::identical(turned(x, tables_of(16, 10000.0, 1), 0), x));
}

// A turn keeps lengths, and the angle between two turned vectors depends on the difference of their turns alone.
TEST(Rope, DotProductsDependOnTheDistanceOnly) {
  const RopeTables tables = tables_of(32, 10000.0, 200);
  const Tensor q = random_tensor({32}, 2), k = random_tensor({32}, 3);
  const auto score = [&](std::int64_t at_q, std::int64_t at_k) {
    return turned(q, tables, at_q).dot(turned(k, tables, at_k)).item<double>();
  };
  // fp32 angles up to 200 are exact to 2^-17; 32 products of size one.
  EXPECT_NEAR(score(7, 3), score(107, 103), 32 * 0x1p-16);
  EXPECT_NEAR(score(50, 50), score(0, 0), 32 * 0x1p-16);
  EXPECT_GT(std::abs(score(7, 3) - score(8, 3)), 0.01);
}

TEST(Rope, KeepsEveryHeadOfATokenAtTheSamePosition) {
  const RopeTables tables = tables_of(8, 10000.0, 6);
  const Tensor x = random_tensor({3, 2, 8}, 4), positions = at::tensor({5, 0, 5}, at::kLong);
  const Tensor found = apply_rope(x, tables, positions);
  EXPECT_TRUE(test::near(found[0][1], turned(x[0][1], tables, 5), 1e-6));
  EXPECT_TRUE(test::near(found[2][0], turned(x[2][0], tables, 5), 1e-6));
  EXPECT_TRUE(test::near(found[1], x[1], 0));
}

TEST(Rope, TablesAreRoundedAfterTheAngleAndNotBefore) {
  const Tensor frequencies = rope_frequencies(64, 10000.0);
  const RopeTables exact = rope_tables(frequencies, 1000, at::kFloat);
  const RopeTables rounded = rope_tables(frequencies, 1000, at::kBFloat16);
  EXPECT_TRUE(test::near(rounded.cos, exact.cos, 0x1p-9));
}

}  // namespace
}  // namespace uncurl::nn
