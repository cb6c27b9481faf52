#include "uncurl/study/sweep/ranking.h"

#include <gtest/gtest.h>

#include <cmath>

namespace uncurl::study {
namespace {

const std::vector<double> kX = {3, 1, 4, 1, 5, 9, 2, 6}, kY = {2, 7, 1, 8, 2, 8, 1, 8};

TEST(Spearman, IsThatOfSciPyWithTies) {
  // scipy.stats.spearmanr(kX, kY).statistic
  EXPECT_NEAR(spearman(kX, kY), 0.19885368120992467, 1e-12);
}

TEST(Spearman, SeesOnlyTheOrder) {
  EXPECT_DOUBLE_EQ(spearman(std::vector<double>{1, 2, 3}, std::vector<double>{0.1, 50, 51}), 1);
  EXPECT_DOUBLE_EQ(spearman(std::vector<double>{1, 2, 3}, std::vector<double>{3, 2, 1}), -1);
}

TEST(Spearman, OfAConstantIsNoNumber) {
  EXPECT_TRUE(std::isnan(spearman(std::vector<double>{1, 1}, std::vector<double>{1, 2})));
}

TEST(SpearmanEstimate, HoldsItsValueAndIsTheSameEveryTime) {
  const math::Estimate estimate = spearman_estimate(kX, kY, 500, 1);
  EXPECT_LT(estimate.low, estimate.mean);
  EXPECT_GT(estimate.high, estimate.mean);
  EXPECT_EQ(estimate.n, 8);
  EXPECT_EQ(spearman_estimate(kX, kY, 500, 1).low, estimate.low);
}

TEST(SpearmanEstimate, HasNoIntervalWhereEveryDrawIsConstant) {
  EXPECT_TRUE(std::isinf(spearman_estimate(std::vector<double>{1, 1}, std::vector<double>{1, 2}, 50, 1).high));
}

TEST(ParetoFront, IsWhatNothingBeatsBySize) {
  const std::vector<double> sizes = {4, 8, 8, 16, 2}, losses = {0.5, 0.3, 0.2, 0.2, 0.9};
  EXPECT_EQ(pareto_front(sizes, losses), (std::vector<std::size_t>{4, 0, 2}));  // 16 loses no less than 8
}

TEST(ParetoFront, KeepsEquals) {
  EXPECT_EQ(pareto_front(std::vector<double>{8, 8}, std::vector<double>{1, 1}), (std::vector<std::size_t>{0, 1}));
}

}  // namespace
}  // namespace uncurl::study
