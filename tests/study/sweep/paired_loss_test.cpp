#include "uncurl/study/sweep/paired_loss.h"

#include <gtest/gtest.h>

#include <cmath>

namespace uncurl::study {
namespace {

Point point(std::int64_t experts, const std::vector<double>& kl_by_row) {
  Point made;
  made.experts = experts;
  for (const double kl : kl_by_row) made.rows.push_back({.tokens = 1, .kl = kl});
  return made;
}

// Differences 1, 2, 3 of three rows of one token: mean 2, standard deviation 1, and t(0.975, 2) = 4.302652730 from a
// table, so half the interval is 4.302652730 / sqrt(3). Alone, the two have intervals that overlap by far.
TEST(PairedLoss, LeavesOutWhatTheRowsHaveInCommon) {
  const auto found = kl_beyond_least({point(4, {11, 102, 1003}), point(4, {10, 100, 1000})});
  ASSERT_TRUE(found[0]);
  EXPECT_NEAR(found[0]->mean, 2, 1e-12);
  EXPECT_NEAR(found[0]->high - found[0]->mean, 4.302652730 / std::sqrt(3.0), 1e-8);
  EXPECT_FALSE(found[1]);
}

TEST(PairedLoss, ComparesPointsOfOneCountAlone) {
  const auto found = kl_beyond_least({point(4, {3, 4}), point(8, {1, 1}), point(4, {5, 6}), point(8, {2, 1})});
  EXPECT_FALSE(found[0]);
  EXPECT_FALSE(found[1]);
  EXPECT_NEAR(found[2]->mean, 2, 1e-12);
  EXPECT_NEAR(found[3]->mean, 0.5, 1e-12);
}

// Rows count by their tokens: (1 * 2 + 3 * 0) KL over 4 tokens.
TEST(PairedLoss, IsPerToken) {
  Point least = point(4, {0, 0}), other = point(4, {2, 0});
  least.rows[1].tokens = other.rows[1].tokens = 3;
  EXPECT_NEAR(kl_beyond_least({least, other})[1]->mean, 0.5, 1e-12);
}

}  // namespace
}  // namespace uncurl::study
