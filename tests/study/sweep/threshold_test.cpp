#include "uncurl/study/sweep/threshold.h"

#include <gtest/gtest.h>

namespace uncurl::study {
namespace {

/// Rows of 10 tokens that lose so much more a token than the original.
std::vector<prune::RowSums> rows_of(const std::vector<double>& rises) {
  std::vector<prune::RowSums> rows;
  for (const double rise : rises) rows.push_back({.tokens = 10, .loss_original = 20, .loss_pruned = 20 + 10 * rise});
  return rows;
}

const Resamples kFourRows({0, 0, 0, 0}, kNumResamples, 1);

TEST(FindThreshold, IsTheSmallestCountWithinTheTolerance) {
  const auto at_24 = rows_of({0.01, 0.01, 0.01, 0.01}), at_16 = rows_of({0.04, 0.04, 0.04, 0.04}),
             at_8 = rows_of({0.2, 0.2, 0.2, 0.2});
  const Threshold found = find_threshold({{8, &at_8}, {24, &at_24}, {16, &at_16}}, 32, 0.05, kFourRows);
  EXPECT_EQ(found.num_experts, 16);
  EXPECT_EQ(found.low, 16);
  EXPECT_EQ(found.high, 16);
}

TEST(FindThreshold, IsUnsureWhereRowsDisagree) {
  // The mean rise at 16 is 0.04, but one row of four carries it: drawn twice, 0.08.
  const auto at_24 = rows_of({0, 0, 0, 0}), at_16 = rows_of({0, 0, 0, 0.16});
  const Threshold found = find_threshold({{24, &at_24}, {16, &at_16}}, 32, 0.05, kFourRows);
  EXPECT_EQ(found.num_experts, 16);
  EXPECT_EQ(found.low, 16);
  EXPECT_EQ(found.high, 24);
}

TEST(FindThreshold, IsNoneWhereTheLargestCountLosesTooMuch) {
  const auto at_24 = rows_of({0.1, 0.1, 0.1, 0.1});
  const Threshold found = find_threshold({{24, &at_24}}, 32, 0.05, kFourRows);
  EXPECT_FALSE(found.num_experts.has_value());
  EXPECT_EQ(found.low, 32);
  EXPECT_EQ(found.high, 32);
}

TEST(FindThreshold, StopsAtTheFirstCountBeyondTheTolerance) {
  const auto at_24 = rows_of({0, 0, 0, 0}), at_16 = rows_of({0.1, 0.1, 0.1, 0.1}), at_8 = rows_of({0, 0, 0, 0});
  EXPECT_EQ(find_threshold({{24, &at_24}, {16, &at_16}, {8, &at_8}}, 32, 0.05, kFourRows).num_experts, 24);
}

TEST(FindThreshold, TakesALossBelowTheOriginalsForWithin) {
  const auto at_24 = rows_of({-0.1, -0.1, -0.1, -0.1});
  EXPECT_EQ(find_threshold({{24, &at_24}}, 32, 0, kFourRows).num_experts, 24);
}

}  // namespace
}  // namespace uncurl::study
