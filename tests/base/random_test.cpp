#include "uncurl/base/random.h"

#include <gtest/gtest.h>

#include <array>

namespace uncurl {
namespace {

// The C++ standard, [rand.predef]: the 10000th invocation of a mt19937_64 with its default seed 5489.
TEST(Rng, IsTheEngineThatTheStandardSpecifies) {
  Rng rng(5489);
  for (int i = 0; i < 9999; ++i) (void)rng.bits();
  EXPECT_EQ(rng.bits(), 9981545732273789042u);
}

TEST(Rng, GivesTheSameSequenceForTheSameSeed) {
  Rng one(3), other(3), different(4);
  EXPECT_EQ(one.below(1000), other.below(1000));
  EXPECT_EQ(one.normal(), other.normal());
  EXPECT_NE(one.bits(), different.bits());
}

TEST(Rng, BelowOneIsZero) {
  Rng rng(1);
  EXPECT_EQ(rng.below(1), 0u);
}

// 70000 draws of 7: each count has mean 10000 and standard deviation 93; five of them are allowed.
TEST(Rng, BelowIsUniform) {
  Rng rng(1);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70'000; ++i) ++counts.at(rng.below(7));
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 465);
}

// With n = 3 * 2^62 a plain remainder would make results below 2^62 twice as likely as the others: 1/2, not 1/3.
TEST(Rng, BelowHasNoBiasForLargeBounds) {
  Rng rng(1);
  const std::uint64_t quarter = std::uint64_t{1} << 62;
  int low = 0;
  for (int i = 0; i < 30'000; ++i) low += rng.below(3 * quarter) < quarter;
  EXPECT_NEAR(low / 30'000.0, 1.0 / 3.0, 0.015);  // five standard deviations of 0.0027
}

TEST(Rng, UniformStaysBelowOneWithMeanOneHalf) {
  Rng rng(2);
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double value = rng.uniform();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    sum += value;
  }
  EXPECT_NEAR(sum / 10'000, 0.5, 0.015);  // five standard deviations of 1 / sqrt(12 * 10000)
}

TEST(Rng, NormalHasMeanZeroAndVarianceOne) {
  Rng rng(3);
  double sum = 0, squares = 0;
  for (int i = 0; i < 20'000; ++i) {
    const double value = rng.normal();
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / 20'000, 0.0, 0.036);      // five standard deviations of 1 / sqrt(20000)
  EXPECT_NEAR(squares / 20'000, 1.0, 0.051);  // and of sqrt(2 / 20000)
}

}  // namespace
}  // namespace uncurl
