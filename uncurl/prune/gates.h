// What dropping experts does to the gates of those that stay, and how to undo it. docs/method.md section 5.
#pragma once

#include "uncurl/nn/router.h"
#include "uncurl/prune/plan.h"
#include "uncurl/prune/stats.h"

namespace uncurl::prune {

/// True if dropping experts raises the gates of the others: a softmax over all experts that is not renormalised.
bool gates_rise(const nn::RoutingRule& rule);

/// Mean over the sampled tokens of 1/(kept mass): the factor by which the gates of kept experts rise.
double mean_gate_rise(const LayerSummary& layer, const Groups& groups);

/// Sets each group's scale to the least-squares factor between its new and old gates over the sampled tokens that
/// choose it after pruning; the layer's factor where none does. docs/method.md section 5.
void compensate_(Groups& groups, const LayerSummary& layer, std::int64_t top_k);

}  // namespace uncurl::prune
