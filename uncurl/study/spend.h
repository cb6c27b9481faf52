// A budget turned into a request: how many experts each layer keeps, or which method it gets, as the predicted errors
// of the layers advise. docs/method.md section 9.
#pragma once

#include "uncurl/prune/predict.h"

namespace uncurl::study {

struct Spending {
  std::int64_t num_experts =
      0;                       ///< of the request; where counts are mixed, what a layer keeps on average, rounded down
  prune::PlanRequest request;  ///< with counts or methods by layer
  double error = 0;            ///< predicted, summed over the layers
  double uniform_error = 0;    ///< the same for the request's own method at the best uniform count
};

/// Counts that layers may keep: from top_k to all experts in 16 steps or fewer, multiples of the router's groups.
std::vector<std::int64_t> candidate_counts(const model::ModelConfig& config);

/// @throws Error if the total is below what the layers need; UsageError where the request's method would spend it
/// itself
void check_budget(const model::ModelConfig& config, std::int64_t total, const prune::PlanRequest& request);

/// With allow_mixed_counts: the request's method at the counts of least summed error. Without: the uniform count and,
/// layer by layer, the method of least error among all that do not draw at random and can hold groups to the request's
/// size limit.
/// @param total  experts that all layers together may keep
/// @throws Error if the statistics hold no inputs, and what check_budget throws
/// Cost: damage_curves at every candidate count; without mixed counts, of every method at the two largest that fit.
Spending spend_budget(const model::LayerStream& original, const prune::RoutingStats& stats, std::int64_t total,
                      prune::PlanRequest request, const Listener& listener);

}  // namespace uncurl::study
