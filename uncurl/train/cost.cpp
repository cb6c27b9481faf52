#include "uncurl/train/cost.h"

namespace uncurl::train {
namespace {

/// Weights of one layer that a token meets.
double active_weights(const model::ModelConfig& config, const model::LayerKind& layer) {
  const auto width = static_cast<double>(config.hidden_size);
  const auto heads = static_cast<double>(2 * config.num_heads + 2 * config.num_kv_heads);  // q and o, k and v
  const double attention = heads * static_cast<double>(config.head_dim) * width;
  const double matrices = config.gated_mlp ? 3 : 2;  // of an MLP
  if (!layer.moe) return attention + matrices * static_cast<double>(config.dense_width) * width;
  const auto routed = static_cast<double>(config.routing.top_k * config.expert_width);
  const auto shared = static_cast<double>(config.shared_width);
  return attention + static_cast<double>(layer.num_experts) * width + matrices * (routed + shared) * width;
}

}  // namespace

double flops_per_token(const model::ModelConfig& config, std::int64_t sequence_length, bool recompute) {
  const double mean_keys = static_cast<double>(sequence_length + 1) / 2;
  const auto attended = static_cast<double>(config.num_heads * config.head_dim);
  double layers = 0;  // of a forward pass
  for (const model::LayerKind& layer : config.layers) {
    layers += 2 * active_weights(config, layer) + 4 * attended * mean_keys;
  }
  const double head = 2 * static_cast<double>(config.vocab_size) * static_cast<double>(config.hidden_size);
  return (recompute ? 4 : 3) * layers + 3 * head;
}

}  // namespace uncurl::train
