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

// scipy.stats.permutation_test((d,), sum, permutation_type="samples", n_resamples=inf).pvalue: 22 of 2^6 signs
TEST(SignFlip, EqualsSciPysPermutationTest) {
  EXPECT_DOUBLE_EQ(sign_flip_exact(std::vector<std::int64_t>{3, -1, 2, 0, -2, 4, 1}), 0.34375);
}

TEST(SignFlip, IsMcNemarsWhereEachClusterIsOneItem) {
  std::vector<std::int64_t> differences(40, -1);
  differences.insert(differences.end(), 71, 1);
  differences.insert(differences.end(), 500, 0);
  EXPECT_NEAR(sign_flip_exact(differences), mcnemar_exact(40, 71), 1e-14);
  EXPECT_EQ(sign_flip_exact({}), 1);
}

// The ends x of Wilson's interval of p = 0.8 solve |p - x| = z sqrt(x (1 - x) / n); n = p (1 - p) / (variance (t/z)^2)
// = 13.162509 by NumPy and SciPy from the ratio estimator's variance of these clusters, z = 1.959964.
TEST(ShareEstimate, IsWilsonsOfTheEffectiveNumberOfTrials) {
  const std::vector<double> successes = {9, 7, 10, 4, 8, 10}, trials = {10, 9, 12, 10, 8, 11};
  const Estimate found = share_estimate(successes, trials);
  EXPECT_DOUBLE_EQ(found.mean, 0.8);
  EXPECT_EQ(found.n, 60);
  EXPECT_LT(found.low, 0.8);
  EXPECT_GT(found.high, 0.8);
  for (const double end : {found.low, found.high}) {
    EXPECT_NEAR(std::abs(0.8 - end), 1.959963984540054 * std::sqrt(end * (1 - end) / 13.162509259770376), 1e-12);
  }
}

// Student's interval of these would end at 1.04.
TEST(ShareEstimate, StaysBetweenZeroAndOne) {
  const std::vector<double> trials = {20, 20, 20, 20};
  const Estimate most = share_estimate(std::vector<double>{20, 17, 20, 20}, trials);
  EXPECT_GT(ratio_estimate(std::vector<double>{20, 17, 20, 20}, trials).high, 1);
  EXPECT_LT(most.high, 1);
  const Estimate all = share_estimate(trials, trials);
  EXPECT_EQ(all.high, 1);
  EXPECT_DOUBLE_EQ(all.low, wilson_estimate(80, 80).low);
  EXPECT_THROW(share_estimate(std::vector<double>{21, 0, 0, 0}, trials), Error);
  EXPECT_TRUE(std::isinf(share_estimate(std::vector<double>{1}, std::vector<double>{2}).high));
}

// numpy.percentile(numpy.arange(80.0), [2.5, 97.5])
TEST(PercentileInterval, IsNumPys) {
  std::vector<double> draws;
  for (int i = 79; i >= 0; --i) draws.push_back(i);
  EXPECT_DOUBLE_EQ(percentile_interval(draws).low, 1.975);
  EXPECT_DOUBLE_EQ(percentile_interval(draws).high, 77.025);
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
