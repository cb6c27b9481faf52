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

/// The same for one layer alone, before those after it are known: a plan of one layer, not through check_plan. For
/// methods that treat each layer alone it is what make_plan gives that layer.
Plan plan_of_layer(const model::Model& model, const RoutingStats& stats, const LayerSummary& layer,
                   std::int64_t num_experts_after, const PlanRequest& request);

/// Everything about a request that can change a plan or what is made of it.
Json request_json(const PlanRequest& request, std::int64_t num_experts_after);

}  // namespace uncurl::prune
