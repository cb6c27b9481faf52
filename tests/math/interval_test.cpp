#include "uncurl/math/interval.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "uncurl/base/error.h"
#include "uncurl/base/random.h"

namespace uncurl::math {
namespace {

using Values = std::vector<double>;

// scipy.stats.t.ppf(0.975, degrees), SciPy 1.17
TEST(StudentT, EqualsSciPy) {
  EXPECT_NEAR(student_t_975(1), 12.706204736174694, 1e-9);
  EXPECT_NEAR(student_t_975(2), 4.302652729749462, 1e-9);
  EXPECT_NEAR(student_t_975(3), 3.1824463052837078, 1e-9);
  EXPECT_NEAR(student_t_975(4), 2.7764451051977934, 1e-9);
  EXPECT_NEAR(student_t_975(7), 2.364624251592784, 1e-9);
  EXPECT_NEAR(student_t_975(10), 2.228138851986274, 1e-9);
  EXPECT_NEAR(student_t_975(29), 2.045229642132703, 1e-9);
  EXPECT_NEAR(student_t_975(100), 1.9839715185235518, 1e-9);
  EXPECT_NEAR(student_t_975(1000), 1.9623390808264083, 1e-9);
  EXPECT_NEAR(student_t_975(1001), 1.9623367052808798, 1e-9);
  EXPECT_NEAR(student_t_975(1'000'000), 1.959966356814107, 1e-9);
}

// scipy.stats.t.ppf(0.8, degrees)
TEST(StudentT, EqualsSciPyAtFourFifths) {
  EXPECT_NEAR(student_t_80(1), 1.3763819204711738, 1e-9);
  EXPECT_NEAR(student_t_80(2), 1.0606601717798214, 1e-9);
  EXPECT_NEAR(student_t_80(3), 0.9784723123633042, 1e-9);
  EXPECT_NEAR(student_t_80(10), 0.8790578285505887, 1e-9);
  EXPECT_NEAR(student_t_80(100), 0.8452304244910163, 1e-9);
  EXPECT_NEAR(student_t_80(5000), 0.8416931276635048, 1e-9);
}

TEST(StudentT, IsInfiniteWithoutADegreeOfFreedom) { EXPECT_TRUE(std::isinf(student_t_975(0))); }

// Rows of one token each are a plain mean: scipy.stats.t.interval(.95, 4, loc=mean, scale=sem) of the same five.
TEST(RatioEstimate, OfRowsOfOneTokenIsTheIntervalOfAMean) {
  const Estimate estimate = ratio_estimate(Values{3, 5, 4, 8, 6.5}, Values{1, 1, 1, 1, 1});
  EXPECT_DOUBLE_EQ(estimate.mean, 5.3);
  EXPECT_NEAR(estimate.low, 2.8322416115997777, 1e-9);
  EXPECT_NEAR(estimate.high, 7.767758388400222, 1e-9);
  EXPECT_EQ(estimate.n, 5);
}

// 400 rows: loss per token 1 + u, 1 to 40 tokens, u and the tokens from x = (1664525 x + 1013904223) mod 2^32,
// u = (x >> 16) / 2^15 - 1, seeds 7 and 8. NumPy gives the mean 1.0310321301952388 and, over 200,000 bootstrap
// samples of whole rows, the 95% interval [0.96427, 1.09781] and the standard error 0.034073. The bootstrap's own
// error and its skew are about 1% of the half width 0.067.
TEST(RatioEstimate, AgreesWithTheBootstrapOverRows) {
  const auto congruential = [](std::uint32_t seed) {
    Values values(400);
    for (double& value : values) {
      seed = seed * 1664525u + 1013904223u;
      value = static_cast<double>(seed >> 16) / 32768 - 1;
    }
    return values;
  };
  Values losses = congruential(7), tokens = congruential(8);
  for (std::size_t row = 0; row < losses.size(); ++row) {
    tokens[row] = std::floor((tokens[row] + 1) * 20) + 1;
    losses[row] = (losses[row] + 1) * tokens[row];
  }
  const Estimate estimate = ratio_estimate(losses, tokens);
  EXPECT_NEAR(estimate.mean, 1.0310321301952388, 1e-14);
  EXPECT_NEAR(estimate.low, 0.96427, 1e-3);
  EXPECT_NEAR(estimate.high, 1.09781, 1e-3);
  EXPECT_EQ(estimate.n, 7955);
}

// Tokens of one row share its difficulty, as those of a text do. An interval that took tokens as independent would be
// five times too narrow here. Of 2000 intervals 95% must hold the truth, +-1.5% being three standard errors, and the
// ratio's own bias at 30 rows takes about 1% more.
TEST(RatioEstimate, HoldsTheTruthInNineteenOfTwentyExperiments) {
  Rng rng(11);
  constexpr int kExperiments = 2000, kRows = 30;
  constexpr double kTruth = 2.5;
  int held = 0;
  for (int experiment = 0; experiment < kExperiments; ++experiment) {
    Values losses(kRows), tokens(kRows);
    for (int row = 0; row < kRows; ++row) {
      tokens[row] = static_cast<double>(1 + rng.below(60));
      losses[row] = tokens[row] * (kTruth + rng.normal()) + std::sqrt(tokens[row]) * rng.normal();
    }
    const Estimate estimate = ratio_estimate(losses, tokens);
    held += estimate.low <= kTruth && kTruth <= estimate.high;
  }
  EXPECT_GT(held, 0.925 * kExperiments);
  EXPECT_LT(held, 0.965 * kExperiments);
}

TEST(RatioEstimate, OfOneRowKnowsNothingOfTheSpread) {
  const Estimate estimate = ratio_estimate(Values{6}, Values{3});
  EXPECT_EQ(estimate.mean, 2);
  EXPECT_EQ(estimate.low, -std::numeric_limits<double>::infinity());
  EXPECT_EQ(estimate.high, std::numeric_limits<double>::infinity());
}

TEST(RatioEstimate, RefusesWhatHasNoMean) {
  EXPECT_THROW(ratio_estimate({}, {}), Error);
  EXPECT_THROW(ratio_estimate(Values{1}, Values{0}), Error);
  EXPECT_THROW(ratio_estimate(Values{1, 2}, Values{1}), Error);
  EXPECT_THROW(ratio_estimate(Values{1, 2}, Values{3, -1}), Error);
  EXPECT_THAT(
      [] {
        ratio_estimate(Values{1, std::nan("")}, Values{1, 1});
      },
      testing::ThrowsMessage<Error>(testing::HasSubstr("row 1")));
}

}  // namespace
}  // namespace uncurl::math
