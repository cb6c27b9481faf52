#include "uncurl/math/repeated.h"

#include <gtest/gtest.h>

#include <cmath>

#include "uncurl/base/error.h"
#include "uncurl/base/random.h"

namespace uncurl::math {
namespace {

/// A population of models and rows: score = row effect + seed effect + noise, each normal.
struct Population {
  double row_deviation, seed_deviation, noise;

  RepeatedScores draw(const std::vector<double>& rows, std::int64_t seeds, double shift, Rng& rng) const {
    RepeatedScores scores(static_cast<std::size_t>(seeds));
    for (std::vector<double>& seed : scores) {
      const double effect = seed_deviation * rng.normal();
      for (const double row : rows) seed.push_back(row + shift + effect + noise * rng.normal());
    }
    return scores;
  }

  std::vector<double> draw_rows(std::int64_t n, Rng& rng) const {
    std::vector<double> rows(static_cast<std::size_t>(n));
    for (double& row : rows) row = row_deviation * rng.normal();
    return rows;
  }
};

// numpy: x = [[1,0,1,1],[0,0,1,1],[1,0,1,0]]; variance components of the crossed design by hand (ANOVA).
TEST(Repeated, MeanOfACrossedTableByHand) {
  const Estimate estimate = repeated_estimate({{1, 0, 1, 1}, {0, 0, 1, 1}, {1, 0, 1, 0}});
  EXPECT_DOUBLE_EQ(estimate.mean, 7.0 / 12);
  EXPECT_EQ(estimate.n, 4);
  // row means 2/3, 0, 1, 2/3: variance 0.175926, over 4 rows 0.0439815. Seed means 3/4, 1/2, 1/2: variance 1/48, over 3
  // 0.0069444; residual sum of squares 1.1666667 over 6 = 0.1944444, over 12 = 0.0162037: nothing is left for the
  // seeds. Degrees of freedom: 0.0439815^2 / (0.0439815^2 / 3 + 0.0069444^2 / 2) = 2.89.
  EXPECT_NEAR(estimate.high - estimate.mean, student_t_975(2) * std::sqrt(0.0439814814814815), 1e-12);
}

TEST(Repeated, OneSeedIsThePlainIntervalOverRows) {
  const std::vector<double> rows = {1, 0, 0, 1, 1, 1, 0, 1};
  const Estimate plain = ratio_estimate(rows, std::vector<double>(rows.size(), 1.0));
  const Estimate estimate = repeated_estimate({rows});
  EXPECT_NEAR(estimate.low, plain.low, 1e-12);
  EXPECT_NEAR(estimate.high, plain.high, 1e-12);
}

TEST(Repeated, EqualModelsDifferByNothing) {
  const RepeatedScores scores = {{1, 0, 1}, {1, 0, 1}};
  const Estimate difference = repeated_difference(scores, scores);
  EXPECT_EQ(difference.mean, 0);
  EXPECT_EQ(difference.low, 0);
  EXPECT_EQ(difference.high, 0);
}

TEST(Repeated, IntervalsHoldTheTruthNineteenTimesInTwenty) {
  const Population population{.row_deviation = 0.4, .seed_deviation = 0.05, .noise = 0.2};
  Rng rng(7);
  const int studies = 1500;
  int mean_held = 0, difference_held = 0;
  for (int study = 0; study < studies; ++study) {
    const std::vector<double> rows = population.draw_rows(60, rng);
    const RepeatedScores original = population.draw(rows, 5, 0.3, rng), other = population.draw(rows, 5, 0.4, rng);
    const Estimate mean = repeated_estimate(original), difference = repeated_difference(original, other);
    mean_held += mean.low <= 0.3 && 0.3 <= mean.high;
    difference_held += difference.low <= 0.1 && 0.1 <= difference.high;
  }
  EXPECT_NEAR(static_cast<double>(mean_held) / studies, 0.95, 0.02);
  EXPECT_NEAR(static_cast<double>(difference_held) / studies, 0.95, 0.025);
}

// The same simulation in NumPy and SciPy, 4,000 studies: 0.909 with two seeds, 0.950 with three.
TEST(Repeated, IntervalsOfTwoSeedsAreTooNarrow) {
  const Population population{.row_deviation = 0.4, .seed_deviation = 0.1, .noise = 0.2};
  Rng rng(7);
  const int studies = 1500;
  int of_two = 0, of_three = 0;
  for (int study = 0; study < studies; ++study) {
    const std::vector<double> rows = population.draw_rows(60, rng);
    const Estimate two = repeated_estimate(population.draw(rows, 2, 0.3, rng));
    const Estimate three = repeated_estimate(population.draw(rows, 3, 0.3, rng));
    of_two += two.low <= 0.3 && 0.3 <= two.high;
    of_three += three.low <= 0.3 && 0.3 <= three.high;
  }
  EXPECT_NEAR(static_cast<double>(of_two) / studies, 0.909, 0.02);
  EXPECT_NEAR(static_cast<double>(of_three) / studies, 0.95, 0.02);
}

// A model and what was pruned from it: what a seed did to one it did to the other, and only the rest is uncertain.
TEST(Repeated, WhatASeedDoesToBothModelsIsNotCounted) {
  const Population noise{.row_deviation = 0, .seed_deviation = 0.01, .noise = 0.2};
  Rng rng(5);
  const int studies = 1500;
  int held = 0;
  double width = 0;
  for (int study = 0; study < studies; ++study) {
    const std::vector<double> rows = noise.draw_rows(60, rng);
    RepeatedScores original = noise.draw(rows, 4, 0.3, rng), other = noise.draw(rows, 4, 0.4, rng);
    for (std::size_t s = 0; s < 4; ++s) {
      const double shared = rng.normal();  // a hundred times what the models differ by
      for (double& score : original[s]) score += shared;
      for (double& score : other[s]) score += shared;
    }
    const Estimate difference = repeated_difference(original, other);
    held += difference.low <= 0.1 && 0.1 <= difference.high;
    width += (difference.high - difference.low) / studies;
  }
  EXPECT_NEAR(static_cast<double>(held) / studies, 0.95, 0.03);
  EXPECT_LT(width, 0.2);
}

TEST(Power, PredictsHowOftenADifferenceIsFound) {
  const Population population{.row_deviation = 0.4, .seed_deviation = 0.05, .noise = 0.2};
  // The truth: rows are paired and their effects equal, so that only seeds and noise are left, of both models.
  const Power power{.noise_variance = 2 * 0.2 * 0.2 / 60, .seed_variance = 2 * 0.05 * 0.05, .num_rows = 60};
  Rng rng(11);
  const int studies = 1000;
  for (const std::int64_t seeds : {4, 12}) {
    const double difference = power.detectable(seeds);
    EXPECT_EQ(power.seeds_needed(difference), seeds);
    int found = 0;
    for (int study = 0; study < studies; ++study) {
      const std::vector<double> rows = population.draw_rows(60, rng);
      found +=
          repeated_difference(population.draw(rows, seeds, 0, rng), population.draw(rows, seeds, difference, rng)).low >
          0;
    }
    EXPECT_NEAR(static_cast<double>(found) / studies, 0.8, 0.05) << seeds;
  }
}

TEST(Power, OfAPilotIsNearTheTruth) {
  const Population population{.row_deviation = 0.4, .seed_deviation = 0.05, .noise = 0.2};
  Rng rng(3);
  const std::vector<double> rows = population.draw_rows(400, rng);
  const Power power = power_of(population.draw(rows, 40, 0, rng), population.draw(rows, 40, 0.1, rng));
  EXPECT_NEAR(power.seed_variance, 2 * 0.05 * 0.05, 0.0016);
  EXPECT_NEAR(power.noise_variance, 2 * 0.2 * 0.2 / 400, 1e-5);
  EXPECT_LT(power.row_variance, 1e-5);
}

TEST(Power, RowsAloneCanBeTooFew) {
  const Power power{.row_variance = 0.0004, .seed_variance = 0.0001, .num_rows = 1000000};
  EXPECT_EQ(power.seeds_needed(0.02), std::nullopt);
  EXPECT_NEAR(power.detectable(1000000), 2.801585218 * 0.02, 1e-4);
  const Power of_one_row{.noise_variance = 0.1, .seed_variance = 0.1, .num_rows = 1};
  EXPECT_EQ(of_one_row.seeds_needed(0.5), std::nullopt);
}

TEST(Repeated, RefusesWhatCannotBePaired) {
  EXPECT_THROW(repeated_estimate({}), Error);
  EXPECT_THROW(repeated_estimate({{1, 0}, {1}}), Error);
  EXPECT_THROW(repeated_difference({{1, 0}}, {{1}}), Error);
  EXPECT_THROW(repeated_difference({{1, 0}}, {{1, 0}, {1, 0}}), Error);
  EXPECT_THROW(power_of({{1, 0}}, {{1, 0}}), Error);
}

}  // namespace
}  // namespace uncurl::math
