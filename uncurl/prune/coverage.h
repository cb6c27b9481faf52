// What the data covers of a model: experts that were hardly or never used.
#pragma once

#include <string>
#include <vector>

#include "uncurl/prune/stats.h"

namespace uncurl::prune {

/// One layer's use of its experts over all sources.
struct LayerCoverage {
  std::int64_t layer = 0;
  std::vector<int> never_used;
  std::vector<int> hardly_used;     ///< fewer than kHardlyUsedShare of an even share of the selections, but not never
  double share_of_top_quarter = 0;  ///< of all selections, by the most used quarter of the experts
};

inline constexpr double kHardlyUsedShare = 0.02;

std::vector<LayerCoverage> expert_coverage(const RoutingStats& stats);

}  // namespace uncurl::prune
