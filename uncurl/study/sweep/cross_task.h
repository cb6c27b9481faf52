// What one observation of several tasks says about each alone: its own statistics, and how far tasks use the same
// experts.
#pragma once

#include <cstddef>
#include <vector>

#include "uncurl/prune/stats.h"

namespace uncurl::study {

/// The statistics as if this source alone had been observed: its sums, and the sampled tokens that are its own.
/// Held-out rows stay those of all sources.
prune::RoutingStats only_source(const prune::RoutingStats& stats, std::size_t source);

/// Share of each expert in the source's selections of a layer; sum 1.
std::vector<double> usage_shares(const prune::LayerStats& layer, std::size_t source);

/// By pair of sources: sum over experts of the smaller of their two shares, averaged over layers. 1: the tasks use the
/// same experts equally; 0: not one in common.
std::vector<std::vector<double>> usage_overlap(const prune::RoutingStats& stats);

}  // namespace uncurl::study
