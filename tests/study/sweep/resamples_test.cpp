#include "uncurl/study/sweep/resamples.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "uncurl/base/error.h"
#include "uncurl/base/random.h"
#include "uncurl/math/paired.h"

namespace uncurl::study {
namespace {

TEST(Resamples, OfOneRowASourceAreTheRowsThemselves) {
  const Resamples resamples({0, 1, 2}, 20, 5);
  for (const double ratio : resamples.ratios(std::vector<double>{1, 2, 6}, std::vector<double>{1, 1, 1})) {
    EXPECT_DOUBLE_EQ(ratio, 3);
  }
}

TEST(Resamples, DrawAsManyRowsOfEachSource) {
  const Resamples resamples({0, 0, 0, 1, 1}, 50, 5);
  // The numerator counts rows of source 1, the denominator all rows: always 2 of 5.
  for (const double ratio : resamples.ratios(std::vector<double>{0, 0, 0, 1, 1}, std::vector<double>(5, 1.0))) {
    EXPECT_DOUBLE_EQ(ratio, 0.4);
  }
}

TEST(Resamples, SpreadAsTheStandardErrorOfAMean) {
  Rng rng(3);
  std::vector<double> values(200);
  for (double& value : values) value = rng.normal();
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / 200;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const Resamples resamples(std::vector<std::int64_t>(200, 0), kNumResamples, 7);
  const math::Range range = math::percentile_interval(resamples.ratios(values, std::vector<double>(200, 1.0)));
  const double expected = 2 * 1.96 * std::sqrt(squares / 200 / 200);
  EXPECT_NEAR(range.high - range.low, expected, 0.08 * expected);  // quantiles of 2000 draws: about 3% off each
}

TEST(Resamples, RefuseRowsOfAnotherNumber) {
  const Resamples resamples({0, 0}, 2, 1);
  EXPECT_THROW(resamples.ratios(std::vector<double>{1}, std::vector<double>{1}), Error);
}

}  // namespace
}  // namespace uncurl::study
