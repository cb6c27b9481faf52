#include "uncurl/prune/sequential.h"

#include "uncurl/base/error.h"
#include "uncurl/prune/merge.h"
#include "uncurl/prune/planner.h"
#include "uncurl/prune/quality.h"

namespace uncurl::prune {

void check_sequential(const std::vector<LayerChoice>& choices, const PlanRequest& request) {
  for (const LayerChoice& choice : choices) {
    check(!choice.method->mixed_counts || !request.allow_mixed_counts,
          "--sequential plans each layer before the next is observed, but ", choice.method->name,
          " with --allow-mixed-counts chooses over all layers at once; leave one of the two out");
  }
}

void describe_sequential_(ObserveOptions& options, const SequentialRequest& request) {
  options.provenance["sequential"] = request_json(request.plan, request.num_experts_after);
}

RoutingStats observe_sequentially(const model::Model& model, const Compute& compute,
                                  const std::vector<text::SampledSource>& sources, ObserveOptions options,
                                  const SequentialRequest& request, const Listener& listener) {
  check_sequential(check_request(model.config, request.num_experts_after, request.plan), request.plan);
  describe_sequential_(options, request);
  options.replace = [&](model::LayerWeights weights, const RoutingStats& stats) {
    const LayerSummary layer = mix_all(stats, request.plan.weights).front();
    const Plan plan = plan_of_layer(model, stats, layer, request.num_experts_after, request.plan);
    return with_pruned(std::move(weights), prune_layer(model, plan, plan.layers.front(), layer));
  };
  return observe(model, compute, sources, options, listener);
}

}  // namespace uncurl::prune
