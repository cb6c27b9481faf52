#include "uncurl/eval/metric.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/support/error_of.h"

namespace uncurl::eval {
namespace {

Metric share(const std::vector<int>& right) {
  std::vector<Unit> units;
  for (const int value : right) units.push_back({.value = static_cast<double>(value), .cluster = units.size()});
  return make_metric("acc", Aggregate::kShare, true, units);
}

Metric judged(Aggregate aggregate, const std::vector<std::pair<int, int>>& pairs) {
  std::vector<Unit> units;
  for (const auto& pair : pairs) units.push_back({.judged = {pair}, .cluster = units.size()});
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
  const Metric metric = make_metric("p", Aggregate::kPerplexity, false,
                                    {{.value = 6, .weight = 2, .cluster = 0}, {.value = 3, .weight = 1, .cluster = 1}});
  EXPECT_NEAR(metric.estimate.mean, std::exp(3), 1e-12);
  const Metric bits =
      make_metric("b", Aggregate::kBits, false,
                  {{.value = std::log(2.0), .weight = 1, .cluster = 0}, {.value = 0, .weight = 1, .cluster = 1}});
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
    before.push_back({.value = static_cast<double>(i), .cluster = before.size()});
    after.push_back({.value = static_cast<double>(i) + 2, .cluster = after.size()});
  }
  const MetricComparison found = compare_metrics(make_metric("m", Aggregate::kMean, true, before),
                                                 make_metric("m", Aggregate::kMean, true, after));
  EXPECT_NEAR(found.difference.low, 2, 1e-9);
  EXPECT_NEAR(found.difference.high, 2, 1e-9);
  EXPECT_GT(found.original.high - found.original.low, 1);
  EXPECT_FALSE(found.has_test);
}

/// Passages of ten answers each, all of them right or all wrong.
Metric passages(const std::vector<int>& right) {
  std::vector<Unit> units;
  for (std::size_t passage = 0; passage < right.size(); ++passage) {
    for (int answer = 0; answer < 10; ++answer) {
      units.push_back(
          {.value = static_cast<double>(right[passage]), .judged = {{1, right[passage]}}, .cluster = passage});
    }
  }
  return make_metric("acc", Aggregate::kShare, true, units);
}

// Ten answers that stand and fall together say no more than one. With 20 passages, of which 14 are right, the variance
// of the share is 0.7 * 0.3 / 19; times (2.093024 / 1.959964)^2 for Student's t it is that of 16.6610 trials, whose
// Wilson interval has the ends x of |0.7 - x| = 1.959964 sqrt(x (1 - x) / 16.6610).
TEST(Metric, TakesClustersAsWhatWasSampled) {
  const std::vector<int> right = {1, 1, 1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 0, 1, 1, 0, 1, 1, 0, 1};
  const math::Estimate found = passages(right).estimate;
  EXPECT_DOUBLE_EQ(found.mean, 0.7);
  EXPECT_EQ(found.n, 200);
  for (const double end : {found.low, found.high}) {
    EXPECT_NEAR(std::abs(0.7 - end), 1.959964 * std::sqrt(end * (1 - end) / 16.6610), 1e-5);
  }
  std::vector<Unit> f1_units = passages(right).units, alone;
  for (std::size_t i = 0; i < f1_units.size(); i += 10) {
    alone.push_back(f1_units[i]);
  }
  const math::Estimate clustered = make_metric("f1", Aggregate::kYesF1, true, f1_units).estimate;
  const math::Estimate of_passages = make_metric("f1", Aggregate::kYesF1, true, alone).estimate;
  EXPECT_EQ(clustered.low, of_passages.low);  // F1 does not change where every unit occurs ten times
  EXPECT_EQ(clustered.high, of_passages.high);
}

// Three passages lost with all their answers are three coins: 2 / 2^3. As answers they would be thirty.
TEST(Metric, TestsChangesByCluster) {
  const MetricComparison found = compare_metrics(passages({1, 1, 1, 1, 0}), passages({0, 0, 0, 1, 0}));
  EXPECT_EQ(found.lost, 30);
  EXPECT_EQ(found.gained, 0);
  EXPECT_DOUBLE_EQ(found.mcnemar, 0.25);
}

TEST(Metric, RefusesOtherUnits) {
  EXPECT_THAT(test::error_of([] { compare_metrics(share({1}), share({1, 0})); }), testing::HasSubstr("same units"));
  EXPECT_THAT(test::error_of([] { share({}); }), testing::HasSubstr("nothing to measure"));
}

}  // namespace
}  // namespace uncurl::eval
