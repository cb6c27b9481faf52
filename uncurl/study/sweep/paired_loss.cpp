#include "uncurl/study/sweep/paired_loss.h"

#include <algorithm>

namespace uncurl::study {
namespace {

double kl_sum(const Point& point) {
  double sum = 0;
  for (const prune::RowSums& row : point.rows) sum += row.kl;
  return sum;
}

/// All points have the same rows, so the least sum is the least mean.
const Point& least_of_count(const std::vector<Point>& points, std::int64_t experts) {
  const Point* least = nullptr;
  for (const Point& point : points) {
    if (point.experts == experts && (least == nullptr || kl_sum(point) < kl_sum(*least))) least = &point;
  }
  return *least;
}

math::Estimate difference(const Point& point, const Point& least) {
  std::vector<double> kl, tokens;
  for (std::size_t row = 0; row < point.rows.size(); ++row) {
    kl.push_back(point.rows[row].kl - least.rows[row].kl);
    tokens.push_back(point.rows[row].tokens);
  }
  return math::ratio_estimate(kl, tokens);
}

}  // namespace

std::vector<std::optional<math::Estimate>> kl_beyond_least(const std::vector<Point>& points) {
  std::vector<std::optional<math::Estimate>> differences;
  for (const Point& point : points) {
    const Point& least = least_of_count(points, point.experts);
    differences.push_back(&point == &least ? std::nullopt : std::optional(difference(point, least)));
  }
  return differences;
}

}  // namespace uncurl::study
