#include "uncurl/prune/predict.h"

#include <ATen/ATen.h>

#include <limits>
#include <numeric>

#include "uncurl/base/error.h"
#include "uncurl/prune/planner.h"
#include "uncurl/prune/quality.h"
#include "uncurl/tensor/threads.h"

namespace uncurl::prune {
namespace {

constexpr std::int64_t kChunk = 8192;  // tokens that run together, as in a sweep

/// sum_x w |row of x|^2
double weighted_square(const Tensor& rows_mD, const Tensor& weights_m) {
  const SingleThread single;  // fp64 sums in one order
  return (rows_mD.square().sum(1) * weights_m).sum().item<double>();
}

}  // namespace

LayerProbe::LayerProbe(const model::LayerStream& original, const LayerSummary& layer)
    : original_(original), layer_(layer) {
  check(layer.sample_inputs.defined(), "the statistics hold no inputs of layer ", layer.layer,
        ", on which errors are predicted; observe again with --keep-inputs ", kDefaultInputTokens);
  const c10::InferenceMode inference;
  weights_ = original.load(layer.layer);
  outputs_mD_ = outputs(weights_.moe);
}

Tensor LayerProbe::outputs(const model::MoeWeights& weights) const {
  const Tensor inputs_mD = layer_.sample_inputs.to(original_.compute().device, original_.compute().dtype);
  const nn::RopeTables unused;
  const model::BlockContext context{original_.model().config, unused};
  std::vector<Tensor> parts;
  for (std::int64_t first = 0; first < inputs_mD.size(0); first += kChunk) {
    const Tensor part_ND = inputs_mD.narrow(0, first, std::min(kChunk, inputs_mD.size(0) - first));
    parts.push_back(model::run_moe(part_ND, weights, context, layer_.layer, first, /*observer=*/nullptr));
  }
  return at::cat(parts);
}

double LayerProbe::error(const PrunedLayer& pruned) const {
  const c10::InferenceMode inference;
  const Tensor found_mD = outputs(with_pruned(weights_, pruned).moe);
  const Tensor weights_m = layer_.sample_weights.narrow(0, 0, outputs_mD_.size(0));
  double lost = 0, all = 0;
  for (std::int64_t first = 0; first < outputs_mD_.size(0); first += kChunk) {
    const std::int64_t tokens = std::min(kChunk, outputs_mD_.size(0) - first);
    const auto part = [&](const Tensor& t) { return t.narrow(0, first, tokens).to(at::kDouble); };
    const Tensor expected_ND = part(outputs_mD_);
    lost += weighted_square(expected_ND - part(found_mD), part(weights_m));
    all += weighted_square(expected_ND, part(weights_m));
  }
  if (all == 0) return lost == 0 ? 0 : std::numeric_limits<double>::infinity();
  return lost / all;
}

std::vector<std::vector<double>> layer_errors(const model::LayerStream& original, const std::vector<Plan>& plans,
                                              const std::vector<LayerSummary>& layers, const Listener& listener) {
  std::vector<std::vector<double>> errors(plans.size());
  const auto total = static_cast<std::int64_t>(layers.size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const LayerProbe probe(original, layers[i]);
    const std::vector<Expert> experts = model::stored_experts(original.model(), layers[i].layer);
    for (std::size_t p = 0; p < plans.size(); ++p) {
      errors[p].push_back(probe.error(prune_layer(original.model(), plans[p], plans[p].layers[i], layers[i], experts)));
    }
    listener.progress({"predicting", "layers", static_cast<std::int64_t>(i) + 1, total});
  }
  return errors;
}

double total_error(const std::vector<double>& error_of_layer) {
  return std::accumulate(error_of_layer.begin(), error_of_layer.end(), 0.0);
}

DamageCurves damage_curves(const model::LayerStream& original, const RoutingStats& stats, PlanRequest request,
                           const std::vector<std::int64_t>& counts, const Listener& listener) {
  request.layer_experts.clear();
  request.allow_mixed_counts = false;
  const std::vector<LayerSummary> layers = mix_all(stats, request.weights);
  std::vector<Plan> plans;
  for (const std::int64_t count : counts) plans.push_back(make_plan(original.model(), stats, count, request, {}));
  const std::vector<std::vector<double>> errors = layer_errors(original, plans, layers, listener);
  DamageCurves curves{.counts = counts};
  for (std::size_t i = 0; i < layers.size(); ++i) {
    curves.layers.push_back(layers[i].layer);
    curves.errors.emplace_back();
    for (const std::vector<double>& of_plan : errors) curves.errors.back().push_back(of_plan[i]);
  }
  return curves;
}

}  // namespace uncurl::prune
