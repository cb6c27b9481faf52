// What statistics must be before anything is computed from them. Their file is held to it like a checkpoint to its
// config: it may be cut, edited, of another program, or of another model.
#pragma once

#include "uncurl/prune/stats.h"

namespace uncurl::prune {

/// @throws Error naming the layer and tensor for dtypes and shapes that do not fit each other, and for sums that are
///         not finite, the expert as well
void check_layer_stats(const LayerStats& layer);

/// And of what is kept of `num_samples` tokens.
void check_layer_stats(const LayerStats& layer, std::int64_t num_samples);

/// The same for all layers and everything beside them.
/// @throws Error also for sources and rows that are out of range or out of order
void check_stats(const RoutingStats& stats);

/// @throws Error unless the statistics have the layers, experts, width and vocabulary of this config
void expect_stats_fit(const RoutingStats& stats, const model::ModelConfig& config);

}  // namespace uncurl::prune
