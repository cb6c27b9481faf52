#include "uncurl/study/sweep/threshold.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "uncurl/base/error.h"
#include "uncurl/math/paired.h"

namespace uncurl::study {
namespace {

/// Rise of the loss and tokens of each row.
struct Rises {
  std::vector<double> rise, tokens;
};

Rises rises_of(const std::vector<prune::RowSums>& rows) {
  Rises rises;
  for (const prune::RowSums& row : rows) {
    rises.rise.push_back(row.loss_pruned - row.loss_original);
    rises.tokens.push_back(row.tokens);
  }
  return rises;
}

/// The number of leading rises within the tolerance.
std::size_t num_within(const std::vector<double>& rises, double tolerance) {
  const auto beyond = std::find_if(rises.begin(), rises.end(), [&](double rise) { return !(rise <= tolerance); });
  return static_cast<std::size_t>(beyond - rises.begin());
}

}  // namespace

Threshold find_threshold(std::vector<CountedRows> points, std::int64_t all_experts, double tolerance,
                         const Resamples& resamples) {
  check(!points.empty(), "there are no points to find a threshold in");
  std::sort(points.begin(), points.end(),
            [](const CountedRows& a, const CountedRows& b) { return a.num_experts > b.num_experts; });
  std::vector<double> means;
  std::vector<std::vector<double>> resampled;  // by point
  for (const CountedRows& point : points) {
    const Rises rises = rises_of(*point.rows);
    means.push_back(std::accumulate(rises.rise.begin(), rises.rise.end(), 0.0) /
                    std::accumulate(rises.tokens.begin(), rises.tokens.end(), 0.0));
    resampled.push_back(resamples.ratios(rises.rise, rises.tokens));
  }
  const auto count_at = [&](std::size_t within) { return within == 0 ? all_experts : points[within - 1].num_experts; };
  std::vector<double> numbers_within;
  for (std::size_t i = 0; i < resampled.front().size(); ++i) {
    std::vector<double> rises;
    for (const std::vector<double>& point : resampled) rises.push_back(point[i]);
    numbers_within.push_back(static_cast<double>(num_within(rises, tolerance)));
  }
  // Between two points there is no count that was tried: the ends go outwards, to those that were.
  const math::Range range = math::percentile_interval(std::move(numbers_within));
  Threshold threshold{.low = count_at(static_cast<std::size_t>(std::ceil(range.high))),
                      .high = count_at(static_cast<std::size_t>(std::floor(range.low)))};
  const std::size_t within = num_within(means, tolerance);
  if (within > 0) threshold.num_experts = count_at(within);
  return threshold;
}

}  // namespace uncurl::study
