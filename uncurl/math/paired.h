// Two models on the same items: is the difference more than chance? And the interval of a share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "uncurl/base/random.h"
#include "uncurl/math/interval.h"

namespace uncurl::math {

/// A share of n items with Wilson's 95% score interval (Wilson 1927), which stays inside [0,1] and has a width at 0
/// and n. @throws Error unless 0 <= successes <= n and n > 0
Estimate wilson_estimate(std::int64_t successes, std::int64_t n);

/// A share of trials that were sampled in clusters (tokens of a row, answers on one passage): Wilson's interval for the
/// number of independent trials that would have the variance of ratio_estimate, and its Student's t in place of the
/// normal quantile (Dean and Pagano 2015; Korn and Graubard 1998). Never more than the trials there are, which is also
/// taken where all or none succeed, or all clusters agree: their variance cannot be seen. Infinite ends for one
/// cluster.
/// @throws Error as ratio_estimate, or if a cluster has more successes than trials
Estimate share_estimate(std::span<const double> successes, std::span<const double> trials);

/// McNemar's exact test (two-sided): the probability, were gains and losses equally likely, of a split as uneven as
/// this among the items whose outcome changed. 1 where none changed.
double mcnemar_exact(std::int64_t lost, std::int64_t gained);

/// The same where items were sampled in clusters (answers on one passage) and depend on each other inside them: the
/// probability of a sum as far from 0, were the sign of each cluster's difference up to a coin (Fisher's randomisation
/// test). @param differences  gained - lost, by cluster. mcnemar_exact where none is beyond 1; 1 where all are 0.
/// Cost O(clusters * sum of the differences).
double sign_flip_exact(std::span<const std::int64_t> differences);

struct Range {
  double low = 0, high = 0;
};

/// The 2.5% and 97.5% quantiles of draws, interpolated between the order statistics as NumPy does.
/// @throws Error if there are none
Range percentile_interval(std::vector<double> draws);

/// A statistic of resampled units: indices below the number of units, with repetitions.
using Statistic = std::function<double(std::span<const std::size_t> units)>;

/// The statistic of all units, with the 95% percentile interval of the bootstrap (Efron and Tibshirani 1993, chapter
/// 13) over `resamples` draws of num_units units with replacement. n is num_units. Infinite ends for a single unit.
Estimate bootstrap_estimate(std::size_t num_units, const Statistic& statistic, std::int64_t resamples, Rng& rng);

}  // namespace uncurl::math
