// What the points of a sweep say together: thresholds, the Pareto front, how well the prediction ranks plans, and how
// far a plan for one task serves another.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "uncurl/study/sweep/ranking.h"
#include "uncurl/study/sweep/sweep.h"
#include "uncurl/study/sweep/threshold.h"

namespace uncurl::study {

struct MethodThreshold {
  std::string method;
  Threshold threshold;
};

/// Predicted error beside measured KL, over the points of one count, or of all (count 0).
struct RankCheck {
  std::int64_t num_experts = 0;
  math::Estimate spearman;  ///< n is the number of points
};

struct CrossTask {
  std::string method;
  std::int64_t experts = 0;
  std::vector<std::string> tasks;
  std::vector<std::vector<math::Estimate>> kl;  ///< [pruned for, scored on], nats a token
  std::vector<std::vector<double>> overlap;     ///< usage_overlap
};

struct Findings {
  std::vector<MethodThreshold> thresholds;  ///< of uniform counts, with the first router
  std::vector<std::size_t> pareto;          ///< points nothing beats in bytes and KL
  std::vector<RankCheck> ranking;           ///< all points, then each count; empty without predictions
  std::optional<CrossTask> cross_task;
};

/// Short names of sources: what stands before the first dot of the file's name, or all of it where that is ambiguous.
std::vector<std::string> short_names(const std::vector<std::string>& names);

/// @param points  with held-out rows, in the order of the sweep. @param alone  those of cross_task_points, or none
/// The cross-task matrix is left out unless every source has held-out rows of its (short) name.
Findings find(const Evidence& evidence, const SweepRequest& request, const std::vector<Point>& points,
              const std::vector<Point>& alone);

}  // namespace uncurl::study
