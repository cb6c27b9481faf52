#include "uncurl/math/repeated.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "uncurl/base/error.h"

namespace uncurl::math {
namespace {

constexpr double kSum = 1.959963984540054 + 0.8416212335729143;  // the normal quantiles of 0.975 and 0.8

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

/// The residual stands in the variance of row means and in that of seed means: it is taken out of the seeds' once.
struct SeedPart {
  double variance = 0;  ///< of the mean over the seeds, beyond what the rows' variance already holds
  std::int64_t degrees = 0;
};

SeedPart seed_part(const RepeatedScores& scores) {
  const auto seeds = static_cast<double>(scores.size());
  const auto rows = static_cast<double>(scores.front().size());
  const double variance = variance_of(by_seed(scores)) / seeds - residual_variance(scores) / (seeds * rows);
  return {std::max(0.0, variance), static_cast<std::int64_t>(scores.size()) - 1};
}

Spread spread_of(const std::vector<double>& row_means, const std::vector<SeedPart>& parts) {
  const auto rows = static_cast<double>(row_means.size());
  Spread spread{.row_variance = variance_of(row_means) / rows};
  double squares = row_means.size() > 1 ? spread.row_variance * spread.row_variance / (rows - 1) : 0;
  for (const SeedPart& part : parts) {
    if (part.degrees == 0) continue;
    spread.seed_variance += part.variance;
    squares += part.variance * part.variance / static_cast<double>(part.degrees);
  }
  spread.degrees = squares > 0 ? spread.variance() * spread.variance() / squares : rows - 1;
  return spread;
}

Estimate interval(const std::vector<double>& row_means, const Spread& spread) {
  const double mean = mean_of(row_means);
  const double t = student_t_975(static_cast<std::int64_t>(spread.degrees));
  const double half = row_means.size() > 1 ? t * std::sqrt(spread.variance()) : t;
  return {mean, mean - half, mean + half, static_cast<std::int64_t>(row_means.size())};
}

std::vector<double> row_differences(const RepeatedScores& original, const RepeatedScores& other) {
  check_scores(original);
  check_scores(other);
  check(original.front().size() == other.front().size(), "two models were scored on ", original.front().size(), " and ",
        other.front().size(), " rows; a difference needs the same rows");
  std::vector<double> difference = by_row(other);
  const std::vector<double> before = by_row(original);
  for (std::size_t row = 0; row < difference.size(); ++row) difference[row] -= before[row];
  return difference;
}

}  // namespace

Estimate repeated_estimate(const RepeatedScores& scores) {
  check_scores(scores);
  const std::vector<double> rows = by_row(scores);
  return interval(rows, spread_of(rows, {seed_part(scores)}));
}

Estimate repeated_difference(const RepeatedScores& original, const RepeatedScores& other) {
  const std::vector<double> rows = row_differences(original, other);
  return interval(rows, spread_of(rows, {seed_part(original), seed_part(other)}));
}

double Power::detectable(std::int64_t seeds) const {
  return kSum * std::sqrt(row_variance + 2 * seed_variance / static_cast<double>(seeds));
}

std::optional<std::int64_t> Power::seeds_needed(double difference) const {
  const double allowed = difference * difference / (kSum * kSum) - row_variance;
  if (allowed <= 0) return std::nullopt;
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(2 * seed_variance / allowed - 1e-12)));
}

Power power_of(const RepeatedScores& original, const RepeatedScores& other) {
  const std::vector<double> rows = row_differences(original, other);
  check(original.size() > 1 && other.size() > 1, "a pilot needs at least two seeds of each model, to see how far they ",
        "differ");
  const double noise = residual_variance(original) / static_cast<double>(original.size()) +
                       residual_variance(other) / static_cast<double>(other.size());
  return {std::max(0.0, variance_of(rows) - noise) / static_cast<double>(rows.size()),
          (variance_of(by_seed(original)) + variance_of(by_seed(other))) / 2};
}

}  // namespace uncurl::math
