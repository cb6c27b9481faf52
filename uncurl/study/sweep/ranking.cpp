#include "uncurl/study/sweep/ranking.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "uncurl/base/error.h"
#include "uncurl/base/random.h"
#include "uncurl/math/paired.h"

namespace uncurl::study {
namespace {

std::vector<std::size_t> order_of(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  return order;
}

std::vector<double> ranks_of(std::span<const double> values) {
  const std::vector<std::size_t> order = order_of(values);
  std::vector<double> ranks(values.size());
  for (std::size_t first = 0, end = 0; first < order.size(); first = end) {
    while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
    for (std::size_t i = first; i < end; ++i) ranks[order[i]] = static_cast<double>(first + end - 1) / 2;
  }
  return ranks;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

double spearman(std::span<const double> xs, std::span<const double> ys) {
  check(xs.size() == ys.size(), "a rank correlation of ", xs.size(), " values with ", ys.size(),
        ", expected as many of one as of the other");
  const std::vector<double> a = ranks_of(xs), b = ranks_of(ys);
  const double mean_a = mean_of(a), mean_b = mean_of(b);
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - mean_a) * (b[i] - mean_b);
    aa += (a[i] - mean_a) * (a[i] - mean_a);
    bb += (b[i] - mean_b) * (b[i] - mean_b);
  }
  return ab / std::sqrt(aa * bb);
}

math::Estimate spearman_estimate(std::span<const double> xs, std::span<const double> ys, int num_resamples,
                                 std::uint64_t seed) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  math::Estimate estimate{spearman(xs, ys), -kInfinity, kInfinity, static_cast<std::int64_t>(xs.size())};
  if (xs.empty()) return estimate;
  Rng rng(seed);
  std::vector<double> drawn;
  for (int i = 0; i < num_resamples; ++i) {
    std::vector<double> x, y;
    for (std::size_t k = 0; k < xs.size(); ++k) {
      const std::uint64_t pair = rng.below(xs.size());
      x.push_back(xs[pair]);
      y.push_back(ys[pair]);
    }
    const double correlation = spearman(x, y);
    if (std::isfinite(correlation)) drawn.push_back(correlation);
  }
  if (drawn.empty()) return estimate;
  const math::Range range = math::percentile_interval(std::move(drawn));
  estimate.low = range.low;
  estimate.high = range.high;
  return estimate;
}

std::vector<std::size_t> pareto_front(std::span<const double> sizes, std::span<const double> losses) {
  check(sizes.size() == losses.size(), "a Pareto front of ", sizes.size(), " sizes and ", losses.size(), " losses");
  std::vector<std::size_t> front;
  for (const std::size_t i : order_of(sizes)) {
    bool beaten = false;
    for (std::size_t j = 0; j < sizes.size(); ++j) {
      beaten =
          beaten || (sizes[j] <= sizes[i] && losses[j] <= losses[i] && (sizes[j] < sizes[i] || losses[j] < losses[i]));
    }
    if (!beaten) front.push_back(i);
  }
  return front;
}

}  // namespace uncurl::study
