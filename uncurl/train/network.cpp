#include "uncurl/train/network.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "uncurl/nn/load_balancing.h"
#include "uncurl/nn/norm.h"
#include "uncurl/tensor/autocast.h"

namespace uncurl::train {

/// What every layer of a run needs.
struct Network::LayerInputs {
  model::PackedRows rows;
  nn::RopeTables rope;
  RunOptions options;
  std::shared_ptr<ExpertLoad> load;  ///< of the layer that ran last
};

namespace {

/// Sees the one MoE layer of a block: its load, and its balance where that is wanted.
class LoadObserver final : public model::MoeObserver {
 public:
  explicit LoadObserver(bool wants_balance) : wants_balance_(wants_balance) {}

  void observe(const model::MoeCall& call) override {
    if (wants_balance_) balance = nn::load_balancing_loss(call.routing.scores_NE, call.routing.ids_NK);
    const c10::NoGradGuard no_grad;
    const std::int64_t num_experts = call.logits_NE.size(1);
    const Tensor counts = at::bincount(call.routing.ids_NK.reshape({-1}), /*weights=*/{}, num_experts).to(at::kCPU);
    const auto* const first = counts.const_data_ptr<std::int64_t>();
    load.choices_E.assign(first, first + counts.numel());
    load.dropped = call.served_NK.defined() ? call.served_NK.logical_not().sum().item<std::int64_t>() : 0;
  }
  bool wants_norms() const override { return false; }

  Tensor balance;
  ExpertLoad load;

 private:
  bool wants_balance_;
};

}  // namespace

void ExpertLoad::add(const ExpertLoad& other) {
  for (std::size_t e = 0; e < choices_E.size(); ++e) choices_E[e] += other.choices_E[e];
  dropped += other.dropped;
}

Network::Network(const ModelWeights& weights, const std::map<std::string, LowRank>& updates)
    : weights_(weights), updates_(updates), anchor_(at::zeros({}, weights.outer.embeddings.options())) {
  anchor_.requires_grad_(true);
}

const Tensor& Network::head() const {
  return weights_.config.tied_embeddings ? weights_.outer.embeddings : weights_.outer.head;
}

model::LayerWeights Network::updated_layer(std::size_t layer) const {
  model::LayerWeights copy = weights_.layers[layer];
  if (updates_.empty()) return copy;
  for_each_parameter(copy, weights_, static_cast<std::int64_t>(layer), [&](const Parameter& parameter) {
    const auto found = updates_.find(parameter.name);
    if (found != updates_.end()) *parameter.value = found->second.updated(*parameter.value);
  });
  return copy;
}

Tensor Network::embed(const model::PackedRows& rows, at::Device device) const {
  const Tensor tokens_ND = at::embedding(weights_.outer.embeddings, rows.ids_N.to(device));
  if (!weights_.outer.positions.defined()) return tokens_ND;
  return tokens_ND + at::embedding(weights_.outer.positions, model::positions(rows).to(device));
}

LayerFunction Network::layer_function(std::size_t layer, const LayerInputs& inputs) const {
  // Copies: the backward pass may run the layer again when the caller's variables are gone.
  return [this, layer, inputs](const Tensor& hidden_ND) -> std::vector<Tensor> {
    const Autocast autocast(hidden_ND.device().type(), inputs.options.autocast);
    const model::BlockContext context{
        .config = weights_.config, .rope = inputs.rope, .training = inputs.options.training};
    LoadObserver observer(inputs.options.balance);
    const Tensor out_ND = model::run_block(hidden_ND, updated_layer(layer), context, static_cast<std::int64_t>(layer),
                                           inputs.rows, /*first_token=*/0, &observer);
    *inputs.load = observer.load;
    return observer.balance.defined() ? std::vector<Tensor>{out_ND, observer.balance} : std::vector<Tensor>{out_ND};
  };
}

RunResult Network::run(const model::PackedRows& rows, const RunOptions& options) const {
  const model::ModelConfig& config = weights_.config;
  model::check_lengths(rows, config);
  const at::Device device = weights_.outer.embeddings.device();
  const bool recompute = options.recompute && at::GradMode::is_enabled();
  const LayerInputs inputs{rows, model::rope_of(config, rows.longest(), Compute{device, at::kFloat}), options,
                           std::make_shared<ExpertLoad>()};
  RunResult result;
  Tensor hidden_ND = embed(rows, device);
  for (std::size_t layer = 0; layer < weights_.layers.size(); ++layer) {
    const LayerFunction run = layer_function(layer, inputs);
    const std::vector<Tensor> outputs = recompute ? run_and_recompute(hidden_ND, anchor_, run) : run(hidden_ND);
    hidden_ND = outputs[0];
    if (!config.layers[layer].moe) continue;
    inputs.load->layer = static_cast<std::int64_t>(layer);
    result.loads.push_back(*inputs.load);
    if (outputs.size() > 1) result.balance = result.balance.defined() ? result.balance + outputs[1] : outputs[1];
  }
  result.hidden_ND =
      nn::norm(hidden_ND, weights_.outer.final_norm, weights_.outer.final_norm_bias, config.norm_epsilon);
  return result;
}

}  // namespace uncurl::train
