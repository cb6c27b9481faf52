// The paper's threshold: how few experts a task needs before its loss leaves the original's by more than a tolerance.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "uncurl/prune/quality.h"
#include "uncurl/study/sweep/resamples.h"

namespace uncurl::study {

/// A point of one method: its held-out rows at a number of experts.
struct CountedRows {
  std::int64_t num_experts = 0;
  const std::vector<prune::RowSums>* rows = nullptr;  ///< borrowed
};

struct Threshold {
  std::optional<std::int64_t> num_experts;  ///< none: no measured count is within the tolerance
  std::int64_t low = 0, high = 0;           ///< 95% of resampled row sets; `all_experts` where none is within
};

/// The smallest measured count that, with every larger measured one, loses at most `tolerance` nats a token more than
/// the original on the same rows. Between measured counts nothing is interpolated.
/// @param points       of one method, in any order, not empty
/// @param all_experts  E, at which nothing is lost
Threshold find_threshold(std::vector<CountedRows> points, std::int64_t all_experts, double tolerance,
                         const Resamples& resamples);

}  // namespace uncurl::study
