// --sequential: each layer is observed on what comes out of the layers before it once they are pruned, so that it is
// planned for the inputs it will meet. REAM (arXiv 2604.04356) and the progressive variant of NAEE (arXiv 2402.14800)
// go this way.
#pragma once

#include "uncurl/prune/observe.h"
#include "uncurl/prune/plan_request.h"

namespace uncurl::prune {

struct SequentialRequest {
  std::int64_t num_experts_after;
  PlanRequest plan;
};

/// Statistics like any other, with the request in their provenance: make_plan gives from them, for the same request,
/// the very layers that were in the place of the original's while the later ones were observed. Held-out rows see the
/// original model alone. Costs about twice the observation, and merging.
/// @throws what observe and check_request throw; Error for a method that chooses over all layers at once
RoutingStats observe_sequentially(const model::Model& model, const Compute& compute,
                                  const std::vector<text::SampledSource>& sources, ObserveOptions options,
                                  const SequentialRequest& request, const Listener& listener);

/// Puts the request into the provenance, as observe_sequentially does: for request_of.
void describe_sequential_(ObserveOptions& options, const SequentialRequest& request);

/// What of a request can be refused before observing: methods that choose over all layers at once.
void check_sequential(const std::vector<LayerChoice>& choices, const PlanRequest& request);

}  // namespace uncurl::prune
