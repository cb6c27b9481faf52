// What a plan loses, layer by layer, before it is tried on text: its layers and the original's on inputs that observe
// kept. Nothing runs but the MoE blocks on these inputs, so a plan costs m tokens and not a pass over the data.
// docs/method.md section 7.
#pragma once

#include <vector>

#include "uncurl/base/listener.h"
#include "uncurl/model/stream.h"
#include "uncurl/prune/merge.h"
#include "uncurl/prune/plan_request.h"
#include "uncurl/prune/stats.h"

namespace uncurl::prune {

/// One MoE layer of the original and what its block answers to the sampled inputs.
class LayerProbe {
 public:
  /// @param original  in the dtype the inputs were observed in; must outlive the probe, and so must `layer`
  /// @throws Error naming the layer if the statistics hold no inputs of it
  LayerProbe(const model::LayerStream& original, const LayerSummary& layer);

  /// sum_x w |y(x) - y'(x)|^2 / sum_x w |y(x)|^2, y what the block adds to the residual stream (a shared expert
  /// included), y' the same with the pruned layer in its place, w the weights of the sampled tokens. fp64 sums.
  double error(const PrunedLayer& pruned) const;

 private:
  Tensor outputs(const model::MoeWeights& weights) const;

  const model::LayerStream& original_;
  const LayerSummary& layer_;
  model::LayerWeights weights_;
  Tensor outputs_mD_;
};

/// Errors of several plans for one model, by plan and then by MoE layer; each layer is loaded and run once for all.
/// @param layers  with inputs, in the order of the plans' layers
std::vector<std::vector<double>> layer_errors(const model::LayerStream& original, const std::vector<Plan>& plans,
                                              const std::vector<LayerSummary>& layers, const Listener& listener);

/// The sum over the layers: the prediction of a plan as a whole. That errors of layers add up is an assumption.
double total_error(const std::vector<double>& error_of_layer);

/// What each layer loses at each number of experts under one method: what budgets are chosen from.
struct DamageCurves {
  std::vector<std::int64_t> layers;         ///< L, of the model
  std::vector<std::int64_t> counts;         ///< C
  std::vector<std::vector<double>> errors;  ///< [L][C]
};

/// Plans every count for all layers alike (the request's own counts of layers and mixed counts are set aside).
/// Cost: one merge of all layers a count, and m tokens through the MoE blocks.
DamageCurves damage_curves(const model::LayerStream& original, const RoutingStats& stats, PlanRequest request,
                           const std::vector<std::int64_t>& counts, const Listener& listener);

}  // namespace uncurl::prune
