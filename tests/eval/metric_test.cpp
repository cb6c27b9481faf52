#include "uncurl/eval/metric.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/support/error_of.h"

namespace uncurl::eval {
namespace {

Metric share(const std::vector<int>& right) {
  std::vector<Unit> units;
  for (const int value : right) units.push_back({.value = static_cast<double>(value)});
  return make_metric("acc", Aggregate::kShare, true, units);
}

Metric judged(Aggregate aggregate, const std::vector<std::pair<int, int>>& pairs) {
  std::vector<Unit> units;
  for (const auto& pair : pairs) units.push_back({.judged = {pair}});
  return make_metric("f1", aggregate, true, units);
}

// sklearn.metrics.f1_score(label, prediction, average="macro") and with average="binary" of label 1
TEST(Metric, HasTheF1OfScikitLearn) {
  const std::vector<std::pair<int, int>> pairs = {{0, 0}, {0, 1}, {1, 1}, {1, 1}, {2, 0}, {2, 2}, {0, 0}, {1, 2}};
  EXPECT_NEAR(judged(Aggregate::kMacroF1, pairs).estimate.mean, 0.611111111111111, 1e-12);
  EXPECT_NEAR(judged(Aggregate::kYesF1, {{0, 0}, {0, 1}, {1, 1}, {1, 0}, {1, 1}}).estimate.mean, 0.6666666666666666,
              1e-12);
}

TEST(Metric, OfOneRowHasNoInterval) {
  const math::Estimate estimate = make_metric("p", Aggregate::kPerplexity, false, {{.value = 6, .weight = 2}}).estimate;
  EXPECT_NEAR(estimate.mean, std::exp(3), 1e-12);
  EXPECT_EQ(estimate.low, -INFINITY);
  EXPECT_EQ(estimate.high, INFINITY);
}

TEST(Metric, OfPerplexityIsTheExponentialOfLossByWeight) {
  const Metric metric =
      make_metric("p", Aggregate::kPerplexity, false, {{.value = 6, .weight = 2}, {.value = 3, .weight = 1}});
  EXPECT_NEAR(metric.estimate.mean, std::exp(3), 1e-12);
  const Metric bits =
      make_metric("b", Aggregate::kBits, false, {{.value = std::log(2.0), .weight = 1}, {.value = 0, .weight = 1}});
  EXPECT_NEAR(bits.estimate.mean, 0.5, 1e-12);
}

TEST(Metric, ComparedCountsWhatWasLostAndGained) {
  const MetricComparison found = compare_metrics(share({1, 1, 1, 1, 0, 0}), share({0, 0, 1, 1, 1, 0}));
  EXPECT_EQ(found.lost, 2);
  EXPECT_EQ(found.gained, 1);
  EXPECT_DOUBLE_EQ(found.mcnemar, 1);  // two against one of three
  EXPECT_NEAR(found.difference.mean, -1.0 / 6, 1e-12);
}

// The difference is the same for every row, so its interval has no width, although each model's own has.
TEST(Metric, ComparedIsPairedByUnit) {
  std::vector<Unit> before, after;
  for (int i = 0; i < 20; ++i) {
    before.push_back({.value = static_cast<double>(i)});
    after.push_back({.value = static_cast<double>(i) + 2});
  }
  const MetricComparison found = compare_metrics(make_metric("m", Aggregate::kMean, true, before),
                                                 make_metric("m", Aggregate::kMean, true, after));
  EXPECT_NEAR(found.difference.low, 2, 1e-9);
  EXPECT_NEAR(found.difference.high, 2, 1e-9);
  EXPECT_GT(found.original.high - found.original.low, 1);
  EXPECT_FALSE(found.has_test);
}

TEST(Metric, RefusesOtherUnits) {
  EXPECT_THAT(test::error_of([] { compare_metrics(share({1}), share({1, 0})); }), testing::HasSubstr("same units"));
  EXPECT_THAT(test::error_of([] { share({}); }), testing::HasSubstr("nothing to measure"));
}

}  // namespace
}  // namespace uncurl::eval
