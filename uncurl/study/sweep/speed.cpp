#include "uncurl/study/sweep/speed.h"

#include <ATen/core/Tensor.h>

#include <cmath>

#include "uncurl/prune/write.h"

namespace uncurl::study {
namespace {

using at::Tensor;

double expert_bytes(const model::Model& model, std::int64_t layer) {
  double bytes = 0;
  model::with_each_tensor(model::stored_expert(model, layer, 0), [&](const Tensor& tensor) {
    bytes += static_cast<double>(tensor.nbytes());
    return tensor;
  });
  return bytes;
}

}  // namespace

double expected_experts(std::int64_t num_experts, std::int64_t top_k, std::int64_t batch) {
  const double share = static_cast<double>(top_k) / static_cast<double>(num_experts);
  return static_cast<double>(num_experts) * (1 - std::pow(1 - share, static_cast<double>(batch)));
}

double bytes_per_step(const model::Model& model, const std::vector<std::int64_t>& experts_of_layer,
                      std::int64_t batch) {
  auto bytes = static_cast<double>(prune::num_bytes(prune::tensors_after(model, experts_of_layer)));
  if (!model.config.tied_embeddings) {  // else the head reads them
    bytes -= static_cast<double>(model.checkpoint.at(model.family->names.embeddings).num_bytes());
  }
  for (const std::int64_t layer : model.config.moe_layers()) {
    const std::int64_t kept = experts_of_layer[static_cast<std::size_t>(layer)];
    const double read = expected_experts(kept, model.config.routing.top_k, batch);
    bytes -= (static_cast<double>(kept) - read) * expert_bytes(model, layer);
  }
  return bytes;
}

double predicted_speed(const model::Model& model, const std::vector<std::int64_t>& experts_of_layer) {
  std::vector<std::int64_t> before;
  for (const model::LayerKind& kind : model.config.layers) before.push_back(kind.num_experts);
  return bytes_per_step(model, before) / bytes_per_step(model, experts_of_layer);
}

}  // namespace uncurl::study
