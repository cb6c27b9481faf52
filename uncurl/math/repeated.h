// Models that were trained several times with different seeds and scored on the same rows: what is the mean, what is a
// difference, and how many trainings would show one of a given size? Rows and seeds are both samples, crossed with
// each other; variances as in generalizability theory (Brennan 2001, Generalizability Theory, chapter 2).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "uncurl/math/interval.h"

namespace uncurl::math {

/// Scores [seeds][rows] of one model, in [0,1] or any other unit.
using RepeatedScores = std::vector<std::vector<double>>;

/// The mean with its 95% interval over rows and seeds; over rows alone where there is one seed. n is the number of
/// rows.In simulated studies the interval holds the truth in 93 to 96% with three or more seeds, and with two in as few
/// as 89%: the variance of two values is often seen as next to none. What a pilot of two says is no more than a hint.
/// @throws Error if there is no score, or the seeds have different numbers of rows
Estimate repeated_estimate(const RepeatedScores& scores);

/// other - original, of models that were scored on the same rows and trained with the same seeds. Both are paired:
/// models of one seed have met the data in the same order, and a pruned one stands on the pretraining of the model that
/// it was pruned from, so what a seed does to both is not counted.
/// @throws Error as above, or if the rows or seeds are not as many
Estimate repeated_difference(const RepeatedScores& original, const RepeatedScores& other);

/// What a study of as many seeds could tell apart, judged from a pilot. Variances are those of the difference of two
/// models.
struct Power {
  double row_variance = 0;    ///< over rows: does not shrink with more seeds
  double noise_variance = 0;  ///< of one seed, what neither row nor seed explains
  double seed_variance = 0;   ///< of one seed, over seeds
  std::int64_t num_rows = 0;

  /// The difference that is found significant (two-sided, 5%) in about 80% of such studies: the sum of the two
  /// quantiles of Student's t, in standard errors. That sum is below the exact value: by 14% with 2 seeds, 5% with 3,
  /// 2% with 4 (where studies find it in 73, 77 and 78%).
  /// @param seeds  2 or more
  double detectable(std::int64_t seeds) const;

  /// The least number of seeds that detects `difference`, 2 or more; none if the rows alone are too few.
  std::optional<std::int64_t> seeds_needed(double difference) const;
};

/// @param original, other  two models of the pilot, at least two seeds each
/// @throws Error as repeated_difference, or if there are too few seeds
Power power_of(const RepeatedScores& original, const RepeatedScores& other);

}  // namespace uncurl::math
