// Two models on the same items: is the difference more than chance? And the interval of a share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "uncurl/base/random.h"
#include "uncurl/math/interval.h"

namespace uncurl::math {

/// A share of n items with Wilson's 95% score interval (Wilson 1927), which stays inside [0,1] and has a width at 0
/// and n. @throws Error unless 0 <= successes <= n and n > 0
Estimate wilson_estimate(std::int64_t successes, std::int64_t n);

/// McNemar's exact test (two-sided): the probability, were gains and losses equally likely, of a split as uneven as
/// this among the items whose outcome changed. 1 where none changed.
double mcnemar_exact(std::int64_t lost, std::int64_t gained);

/// A statistic of resampled units: indices below the number of units, with repetitions.
using Statistic = std::function<double(std::span<const std::size_t> units)>;

/// The statistic of all units, with the 95% percentile interval of the bootstrap (Efron and Tibshirani 1993, chapter
/// 13): the 2.5% and 97.5% quantiles over `resamples` draws of num_units units with replacement. The quantiles are
/// interpolated as NumPy does. n is num_units. Infinite ends for a single unit.
Estimate bootstrap_estimate(std::size_t num_units, const Statistic& statistic, std::int64_t resamples, Rng& rng);

}  // namespace uncurl::math
