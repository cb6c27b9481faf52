#include "uncurl/math/paired.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
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

}  // namespace

Estimate wilson_estimate(std::int64_t successes, std::int64_t n) {
  check(n > 0 && successes >= 0 && successes <= n, "a share of ", successes, " among ", n,
        ", expected 0 to n successes among n > 0");
  const double count = static_cast<double>(n), share = static_cast<double>(successes) / count;
  const double shrink = 1 + kZ * kZ / count;
  const double centre = (share + kZ * kZ / (2 * count)) / shrink;
  const double half_width = kZ / shrink * std::sqrt(share * (1 - share) / count + kZ * kZ / (4 * count * count));
  return {.mean = share,
          .low = successes == 0 ? 0 : centre - half_width,
          .high = successes == n ? 1 : centre + half_width,
          .n = n};
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
  std::sort(draws.begin(), draws.end());
  estimate.low = quantile(draws, 0.025);
  estimate.high = quantile(draws, 0.975);
  return estimate;
}

}  // namespace uncurl::math
