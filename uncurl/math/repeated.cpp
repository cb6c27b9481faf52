#include "uncurl/math/repeated.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "uncurl/base/error.h"

namespace uncurl::math {
namespace {

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

/// Of one value from a population; 0 for a single value.
double variance_of(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const double mean = mean_of(values);
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return sum / static_cast<double>(values.size() - 1);
}

void check_scores(const RepeatedScores& scores) {
  check(!scores.empty() && !scores.front().empty(), "there are no scores to take the mean of");
  for (const std::vector<double>& seed : scores) {
    check(seed.size() == scores.front().size(),
          "seeds were scored on different numbers of rows: ", scores.front().size(), " and ", seed.size());
  }
}

std::vector<double> by_row(const RepeatedScores& scores) {
  std::vector<double> means(scores.front().size(), 0);
  for (const std::vector<double>& seed : scores) {
    for (std::size_t row = 0; row < means.size(); ++row) means[row] += seed[row] / static_cast<double>(scores.size());
  }
  return means;
}

std::vector<double> by_seed(const RepeatedScores& scores) {
  std::vector<double> means;
  for (const std::vector<double>& seed : scores) means.push_back(mean_of(seed));
  return means;
}

/// What neither row nor seed explains, of one score.
double residual_variance(const RepeatedScores& scores) {
  const std::size_t seeds = scores.size(), rows = scores.front().size();
  if (seeds < 2 || rows < 2) return 0;
  const std::vector<double> row_means = by_row(scores), seed_means = by_seed(scores);
  const double mean = mean_of(seed_means);
  double sum = 0;
  for (std::size_t s = 0; s < seeds; ++s) {
    for (std::size_t r = 0; r < rows; ++r) {
      const double residual = scores[s][r] - row_means[r] - seed_means[s] + mean;
      sum += residual * residual;
    }
  }
  return sum / static_cast<double>((seeds - 1) * (rows - 1));
}

/// Where a mean over rows and seeds could have come out differently. What neither explains stands in both variances,
/// and is taken out once.
struct Spread {
  double row_variance = 0;    ///< of the mean, because other rows might have been drawn
  double seed_variance = 0;   ///< of the mean, because of other seeds; 0 if there is one seed, which cannot show it
  double noise_variance = 0;  ///< of the mean, of what neither explains
  double num_rows = 0, num_seeds = 0;

  double variance() const { return row_variance + std::max(0.0, seed_variance - noise_variance); }

  /// Of freedom: of a sum of mean squares (Satterthwaite 1946), and never fewer than the scarcer of rows and seeds has.
  std::int64_t degrees() const {
    const double of_rows = num_rows - 1, of_seeds = num_seeds - 1;
    if (of_seeds == 0 || of_rows == 0) return static_cast<std::int64_t>(of_rows);
    const double squares = row_variance * row_variance / of_rows + seed_variance * seed_variance / of_seeds;
    const double degrees = squares > 0 ? variance() * variance() / squares : of_rows;
    return static_cast<std::int64_t>(std::max(degrees, std::min(of_rows, of_seeds)));
  }
};

Spread spread_of(const RepeatedScores& scores) {
  const auto rows = static_cast<double>(scores.front().size()), seeds = static_cast<double>(scores.size());
  return {.row_variance = variance_of(by_row(scores)) / rows,
          .seed_variance = variance_of(by_seed(scores)) / seeds,
          .noise_variance = residual_variance(scores) / (rows * seeds),
          .num_rows = rows,
          .num_seeds = seeds};
}

RepeatedScores differences(const RepeatedScores& original, const RepeatedScores& other) {
  check_scores(original);
  check_scores(other);
  check(original.front().size() == other.front().size(), "two models were scored on ", original.front().size(), " and ",
        other.front().size(), " rows; a difference needs the same rows");
  check(original.size() == other.size(), "two models have ", original.size(), " and ", other.size(),
        " seeds; a difference needs the same seeds");
  RepeatedScores difference = other;
  for (std::size_t s = 0; s < difference.size(); ++s) {
    for (std::size_t r = 0; r < difference[s].size(); ++r) difference[s][r] -= original[s][r];
  }
  return difference;
}

}  // namespace

Estimate repeated_estimate(const RepeatedScores& scores) {
  check_scores(scores);
  const Spread spread = spread_of(scores);
  const double mean = mean_of(by_seed(scores));
  const double t = student_t_975(spread.degrees());
  const double half = spread.num_rows > 1 ? t * std::sqrt(spread.variance()) : std::numeric_limits<double>::infinity();
  return {mean, mean - half, mean + half, static_cast<std::int64_t>(spread.num_rows)};
}

Estimate repeated_difference(const RepeatedScores& original, const RepeatedScores& other) {
  return repeated_estimate(differences(original, other));
}

double Power::detectable(std::int64_t seeds) const {
  const auto n = static_cast<double>(seeds);
  const Spread spread{.row_variance = row_variance + noise_variance / n,
                      .seed_variance = (seed_variance + noise_variance) / n,
                      .noise_variance = noise_variance / n,
                      .num_rows = static_cast<double>(num_rows),
                      .num_seeds = n};
  const std::int64_t degrees = spread.degrees();
  return (student_t_975(degrees) + student_t_80(degrees)) * std::sqrt(spread.variance());
}

std::optional<std::int64_t> Power::seeds_needed(double difference) const {
  if (num_rows < 2) return std::nullopt;
  const Power endless{.row_variance = row_variance, .num_rows = num_rows};
  if (endless.detectable(2) >= difference) return std::nullopt;
  std::int64_t too_few = 1, enough = 2;
  while (detectable(enough) > difference) too_few = std::exchange(enough, 2 * enough);
  while (enough - too_few > 1) {
    const std::int64_t middle = (too_few + enough) / 2;
    (detectable(middle) > difference ? too_few : enough) = middle;
  }
  return enough;
}

Power power_of(const RepeatedScores& original, const RepeatedScores& other) {
  const RepeatedScores difference = differences(original, other);
  check(difference.size() > 1, "a pilot needs at least two seeds of each model, to see how far they differ");
  const Spread spread = spread_of(difference);
  const double seeds = spread.num_seeds;
  return {.row_variance = std::max(0.0, spread.row_variance - spread.noise_variance),
          .noise_variance = seeds * spread.noise_variance,
          .seed_variance = std::max(0.0, seeds * (spread.seed_variance - spread.noise_variance)),
          .num_rows = static_cast<std::int64_t>(spread.num_rows)};
}

}  // namespace uncurl::math
