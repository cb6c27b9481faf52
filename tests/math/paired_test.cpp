#include "uncurl/math/paired.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "uncurl/base/error.h"

namespace uncurl::math {
namespace {

// scipy.stats.binomtest(s, n).proportion_ci(method="wilson"), SciPy 1.17
TEST(Wilson, EqualsSciPy) {
  EXPECT_NEAR(wilson_estimate(7, 20).low, 0.1811918241010821, 1e-12);
  EXPECT_NEAR(wilson_estimate(7, 20).high, 0.5671457233147637, 1e-12);
  EXPECT_EQ(wilson_estimate(0, 10).low, 0);
  EXPECT_NEAR(wilson_estimate(0, 10).high, 0.27753279986288926, 1e-12);
  EXPECT_NEAR(wilson_estimate(56, 56).low, 0.9358060632812366, 1e-12);
  EXPECT_EQ(wilson_estimate(56, 56).high, 1);
  EXPECT_NEAR(wilson_estimate(1500, 3270).low, 0.4416951388450406, 1e-12);
  EXPECT_NEAR(wilson_estimate(1500, 3270).high, 0.47583293837062896, 1e-12);
  EXPECT_EQ(wilson_estimate(7, 20).n, 20);
}

TEST(Wilson, RefusesMoreSuccessesThanTrials) {
  EXPECT_THROW(wilson_estimate(3, 2), Error);
  EXPECT_THROW(wilson_estimate(0, 0), Error);
}

// scipy.stats.binomtest(min(b, c), b + c, 0.5).pvalue
TEST(McNemar, EqualsSciPysBinomialTest) {
  EXPECT_NEAR(mcnemar_exact(3, 11), 0.057373046875, 1e-12);
  EXPECT_NEAR(mcnemar_exact(11, 3), 0.057373046875, 1e-12);
  EXPECT_NEAR(mcnemar_exact(40, 71), 0.004195534185394861, 1e-12);
  EXPECT_NEAR(mcnemar_exact(400, 520), 8.549170923883781e-05, 1e-14);
}

TEST(McNemar, IsOneWhereNothingOrAsMuchChanged) {
  EXPECT_EQ(mcnemar_exact(0, 0), 1);
  EXPECT_EQ(mcnemar_exact(5, 5), 1);
  EXPECT_EQ(mcnemar_exact(0, 1), 1);
}

double mean_of(const std::vector<double>& values, std::span<const std::size_t> units) {
  double sum = 0;
  for (const std::size_t unit : units) sum += values[unit];
  return sum / static_cast<double>(units.size());
}

// scipy.stats.bootstrap((x,), numpy.mean, method="percentile", n_resamples=1000000) of these numbers gives
// 1.2167 and 4.0667 to a few thousandths; with 20,000 draws the standard error of a quantile is near 0.02.
TEST(Bootstrap, FindsThePercentileIntervalOfSciPy) {
  const std::vector<double> values = {1.2, 3.4, -0.5, 2.2, 8.1, 0.3, 4.4, 2.9, -1.7, 5.0, 3.3, 2.8};
  Rng rng(1);
  const Estimate found = bootstrap_estimate(
      values.size(), [&](std::span<const std::size_t> units) { return mean_of(values, units); }, 20000, rng);
  EXPECT_NEAR(found.mean, 31.4 / 12, 1e-12);
  EXPECT_NEAR(found.low, 1.2167, 0.06);
  EXPECT_NEAR(found.high, 4.0667, 0.06);
  EXPECT_EQ(found.n, 12);
}

TEST(Bootstrap, OfOneUnitHasNoInterval) {
  Rng rng(1);
  const Estimate found = bootstrap_estimate(
      1, [](std::span<const std::size_t>) { return 2.0; }, 10, rng);
  EXPECT_EQ(found.mean, 2);
  EXPECT_TRUE(std::isinf(found.low) && std::isinf(found.high));
}

}  // namespace
}  // namespace uncurl::math
