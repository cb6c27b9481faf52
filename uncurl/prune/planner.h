// Stations 4 and 5: from statistics to a plan.
#pragma once

#include "uncurl/base/listener.h"
#include "uncurl/model/model.h"
#include "uncurl/prune/plan_request.h"
#include "uncurl/prune/stats.h"

namespace uncurl::prune {

/// The caller fills in stats_path and stats_hash. Notes and warnings: cluster sizes and the largest share per layer,
/// gates that rise, strong experts that are lost.
/// @throws what check_request throws, and Error if the statistics do not serve the request (weights of the sources,
///         inputs that a method needs and they do not hold)
Plan make_plan(const model::Model& model, const RoutingStats& stats, std::int64_t num_experts_after,
               const PlanRequest& request, const Listener& listener);

}  // namespace uncurl::prune
