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

/// Where a mean over rows and seeds (or the difference of two) could have come out differently.
struct Spread {
  double row_variance = 0;   ///< of the mean, because other rows might have been drawn
  double seed_variance = 0;  ///< of the mean, because of other seeds; 0 if there is one seed, which cannot show it
  double degrees = 0;        ///< of freedom of their sum (Satterthwaite)

  double variance() const { return row_variance + seed_variance; }
};

/// The mean with its 95% interval over rows and seeds; over rows alone where there is one seed. n is the number of
/// rows.
/// @throws Error if there is no score, or the seeds have different numbers of rows
Estimate repeated_estimate(const RepeatedScores& scores);

/// other - original, of models that were scored on the same rows (paired) with seeds of their own (not paired).
/// @throws Error as above, or if the rows are not as many
Estimate repeated_difference(const RepeatedScores& original, const RepeatedScores& other);

/// What a study of `seeds` trainings each could tell apart, judged from a pilot.
struct Power {
  double row_variance = 0;   ///< of the difference of two models, over rows: does not shrink with more seeds
  double seed_variance = 0;  ///< of one training's mean, over seeds

  /// The difference that is found significant (two-sided, 5%) in 80% of such studies.
  double detectable(std::int64_t seeds) const;

  /// The least number of trainings a model that detects `difference`; none if its rows alone are too few.
  std::optional<std::int64_t> seeds_needed(double difference) const;
};

/// @param original, other  two models of the pilot, at least two seeds each
/// @throws Error as repeated_difference, or if there are too few seeds
Power power_of(const RepeatedScores& original, const RepeatedScores& other);

}  // namespace uncurl::math
