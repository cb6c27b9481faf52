#include "uncurl/math/paired.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "uncurl/base/error.h"

namespace uncurl::math {
namespace {

constexpr double kZ = 1.959963984540054;  // the normal quantile of 0.975

/// Linear interpolation between the order statistics, NumPy's default. @param sorted  ascending, not empty
double quantile(const std::vector<double>& sorted, double share) {
  const double where = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(where);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (where - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

/// Wilson's score interval of a share among `count` trials.
Range wilson_interval(double share, double count) {
  const double shrink = 1 + kZ * kZ / count;
  const double centre = (share + kZ * kZ / (2 * count)) / shrink;
  const double half_width = kZ / shrink * std::sqrt(share * (1 - share) / count + kZ * kZ / (4 * count * count));
  return {share == 0 ? 0 : centre - half_width, share == 1 ? 1 : centre + half_width};
}

}  // namespace

Estimate wilson_estimate(std::int64_t successes, std::int64_t n) {
  check(n > 0 && successes >= 0 && successes <= n, "a share of ", successes, " among ", n,
        ", expected 0 to n successes among n > 0");
  const double count = static_cast<double>(n), share = static_cast<double>(successes) / count;
  const Range range = wilson_interval(share, count);
  return {.mean = share, .low = range.low, .high = range.high, .n = n};
}

Estimate share_estimate(std::span<const double> successes, std::span<const double> trials) {
  Estimate estimate = ratio_estimate(successes, trials);
  double num_trials = 0;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    check(successes[i] >= 0 && successes[i] <= trials[i], "cluster ", i, " has ", successes[i], " successes in ",
          trials[i], " trials, expected 0 to as many as it has trials");
    num_trials += trials[i];
  }
  if (!std::isfinite(estimate.high)) return estimate;
  const double share = estimate.mean, deviation = (estimate.high - share) / kZ;
  const double of_one_trial = share * (1 - share), variance = deviation * deviation;
  const double independent = variance > 0 && of_one_trial > 0 ? of_one_trial / variance : num_trials;
  const Range range = wilson_interval(share, std::min(num_trials, independent));
  estimate.low = range.low;
  estimate.high = range.high;
  return estimate;
}

double mcnemar_exact(std::int64_t lost, std::int64_t gained) {
  const std::int64_t changed = lost + gained;
  const double n = static_cast<double>(changed);
  double tail = 0;  // P(X <= the smaller count), X binomial of n and 1/2
  for (std::int64_t k = 0; k <= std::min(lost, gained); ++k) {
    const double i = static_cast<double>(k);
    tail += std::exp(std::lgamma(n + 1) - std::lgamma(i + 1) - std::lgamma(n - i + 1) - n * std::log(2.0));
  }
  return std::min(1.0, 2 * tail);
}

double sign_flip_exact(std::span<const std::int64_t> differences) {
  std::int64_t sum = 0, largest = 0;
  for (const std::int64_t difference : differences) {
    sum += difference;
    largest += std::abs(difference);
  }
  std::vector<double> probability(static_cast<std::size_t>(2 * largest + 1), 0.0);  // of the sums -largest to largest
  const auto at = [&](std::int64_t value) { return static_cast<std::size_t>(value + largest); };
  probability[at(0)] = 1;
  std::int64_t reach = 0;
  for (const std::int64_t difference : differences) {
    const std::int64_t step = std::abs(difference);
    if (step == 0) continue;
    std::vector<double> next(probability.size(), 0.0);
    for (std::int64_t value = -reach; value <= reach; ++value) {
      next[at(value - step)] += probability[at(value)] / 2;
      next[at(value + step)] += probability[at(value)] / 2;
    }
    probability = std::move(next);
    reach += step;
  }
  double tail = 0;
  for (std::int64_t value = -largest; value <= largest; ++value) {
    if (std::abs(value) >= std::abs(sum)) tail += probability[at(value)];
  }
  return std::min(1.0, tail);
}

Range percentile_interval(std::vector<double> draws) {
  check(!draws.empty(), "there are no draws to take an interval of");
  std::sort(draws.begin(), draws.end());
  return {quantile(draws, 0.025), quantile(draws, 0.975)};
}

Estimate bootstrap_estimate(std::size_t num_units, const Statistic& statistic, std::int64_t resamples, Rng& rng) {
  check(num_units > 0 && resamples > 0, "a bootstrap of ", num_units, " units with ", resamples,
        " resamples, expected at least one of each");
  std::vector<std::size_t> units(num_units);
  std::iota(units.begin(), units.end(), std::size_t{0});
  Estimate estimate{.mean = statistic(units), .n = static_cast<std::int64_t>(num_units)};
  estimate.low = -std::numeric_limits<double>::infinity();
  estimate.high = -estimate.low;
  if (num_units == 1) return estimate;
  std::vector<double> draws;
  for (std::int64_t draw = 0; draw < resamples; ++draw) {
    for (std::size_t& unit : units) unit = rng.below(num_units);
    draws.push_back(statistic(units));
  }
  const Range range = percentile_interval(std::move(draws));
  estimate.low = range.low;
  estimate.high = range.high;
  return estimate;
}

}  // namespace uncurl::math
