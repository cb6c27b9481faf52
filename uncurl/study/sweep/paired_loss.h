// What a point of a sweep loses beyond the best one of its count, row by row: the rows that are hard for both fall out,
// so the interval is narrower than those of the two losses suggest.
#pragma once

#include <optional>
#include <vector>

#include "uncurl/math/interval.h"
#include "uncurl/study/sweep/point.h"

namespace uncurl::study {

/// By point: KL(original || pruned) less that of the point with as many experts and the least KL, in nats per predicted
/// token of all held-out rows, with the 95% interval of a paired difference over rows. Absent for that point itself.
/// The best is chosen by the same rows, so a difference close to the edge of its interval is worth less than 95%.
std::vector<std::optional<math::Estimate>> kl_beyond_least(const std::vector<Point>& points);

}  // namespace uncurl::study
