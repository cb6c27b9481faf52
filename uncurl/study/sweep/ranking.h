// Whether a prediction ranks plans as the measurement does, and which plans nothing beats.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "uncurl/math/interval.h"

namespace uncurl::study {

/// Spearman's rank correlation: Pearson's of the ranks, equal values sharing the mean of theirs. NaN if one side is
/// constant.
double spearman(std::span<const double> xs, std::span<const double> ys);

/// The same with a 95% interval from pairs drawn anew with replacement. Draws in which a side is constant are left out;
/// the interval is infinite if all are. n is the number of pairs.
math::Estimate spearman_estimate(std::span<const double> xs, std::span<const double> ys, int num_resamples,
                                 std::uint64_t seed);

/// Indices of the points that no other beats, by size: none is at least as good in both and better in one. Equals
/// all stay.
std::vector<std::size_t> pareto_front(std::span<const double> sizes, std::span<const double> losses);

}  // namespace uncurl::study
