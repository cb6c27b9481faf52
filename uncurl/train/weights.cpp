#include "uncurl/train/weights.h"

#include <ATen/ATen.h>

#include <array>
#include <map>

#include "uncurl/base/error.h"
#include "uncurl/model/initial.h"
#include "uncurl/tensor/finite.h"

namespace uncurl::train {
namespace {

using model::LayerWeights;
using model::OuterWeights;

constexpr std::array<std::pair<Part, const char*>, 8> kNames = {{{Part::kRouters, "routers"},
                                                                 {Part::kExperts, "experts"},
                                                                 {Part::kShared, "shared"},
                                                                 {Part::kDense, "dense"},
                                                                 {Part::kAttention, "attention"},
                                                                 {Part::kNorms, "norms"},
                                                                 {Part::kEmbeddings, "embeddings"},
                                                                 {Part::kHead, "head"}}};

bool is_of(const Expert& mlp, const Tensor* tensor) {
  return tensor == &mlp.gate || tensor == &mlp.up || tensor == &mlp.down || tensor == &mlp.up_bias ||
         tensor == &mlp.down_bias;
}

Part part_of(const LayerWeights& layer, const Tensor* tensor) {
  if (tensor == &layer.input_norm || tensor == &layer.input_norm_bias || tensor == &layer.post_attention_norm ||
      tensor == &layer.post_attention_norm_bias || tensor == &layer.attention.q_norm ||
      tensor == &layer.attention.k_norm) {
    return Part::kNorms;
  }
  if (tensor == &layer.moe.router || tensor == &layer.moe.correction_bias) return Part::kRouters;
  if (is_of(layer.dense, tensor)) return Part::kDense;
  if (is_of(layer.moe.shared, tensor) || tensor == &layer.moe.shared_router) return Part::kShared;
  return Part::kAttention;
}

Part part_of(const OuterWeights& outer, const Tensor* tensor) {
  if (tensor == &outer.embeddings || tensor == &outer.positions) return Part::kEmbeddings;
  return tensor == &outer.head ? Part::kHead : Part::kNorms;
}

void visit_experts(LayerWeights& layer_weights, const ModelWeights& weights, std::int64_t layer,
                   const std::function<void(const Parameter&)>& visit) {
  const model::ExpertLayout& layout = weights.layout;
  for (std::size_t e = 0; e < layer_weights.moe.experts.size(); ++e) {
    Expert& expert = layer_weights.moe.experts[e];
    if (!layout.fused) {
      for_each_tensor(expert, weights.config, layout, layer, static_cast<std::int64_t>(e),
                      [&](Tensor& tensor, const std::string& name, const std::vector<std::int64_t>&) {
                        visit({name, Part::kExperts, &tensor});
                      });
      continue;
    }
    const std::string gate_up = concat(model::fill_name(layout.gate_up, layer), "[", e, "]");
    visit({gate_up + ".gate", Part::kExperts, &expert.gate});
    visit({gate_up + ".up", Part::kExperts, &expert.up});
    visit({concat(model::fill_name(layout.down, layer), "[", e, "].down"), Part::kExperts, &expert.down});
  }
}

/// The struct with as many experts as the config says, all tensors undefined.
ModelWeights empty_weights(const model::Family& family, model::ExpertLayout layout, model::ModelConfig config) {
  ModelWeights weights{&family, std::move(layout), std::move(config), {}, {}};
  weights.layers.resize(weights.config.layers.size());
  for (std::size_t l = 0; l < weights.layers.size(); ++l) {
    weights.layers[l].moe.experts.resize(static_cast<std::size_t>(weights.config.layers[l].num_experts));
  }
  return weights;
}

}  // namespace

const char* part_name(Part part) { return kNames[static_cast<std::size_t>(part)].second; }

const std::vector<Part>& all_parts() {
  static const std::vector<Part> parts = [] {
    std::vector<Part> result;
    for (const auto& [part, name] : kNames) result.push_back(part);
    return result;
  }();
  return parts;
}

void for_each_parameter(LayerWeights& layer_weights, const ModelWeights& weights, std::int64_t layer,
                        const std::function<void(const Parameter&)>& visit) {
  for_each_tensor(layer_weights, weights.config, *weights.family, weights.layout, layer,
                  [&](Tensor& tensor, const std::string& name, const std::vector<std::int64_t>&) {
                    visit({name, part_of(layer_weights, &tensor), &tensor});
                  });
  visit_experts(layer_weights, weights, layer, visit);
}

std::vector<Parameter> parameters(ModelWeights& weights) {
  std::vector<Parameter> result;
  for_each_outer_tensor(weights.outer, weights.config, *weights.family,
                        [&](Tensor& tensor, const std::string& name, const std::vector<std::int64_t>&) {
                          result.push_back({name, part_of(weights.outer, &tensor), &tensor});
                        });
  for (std::size_t l = 0; l < weights.layers.size(); ++l) {
    for_each_parameter(weights.layers[l], weights, static_cast<std::int64_t>(l),
                       [&](const Parameter& parameter) { result.push_back(parameter); });
  }
  return result;
}

ModelWeights load_weights(const model::Model& model, at::Device device) {
  ModelWeights weights = empty_weights(*model.family, model.layout, model.config);
  for (std::size_t l = 0; l < weights.layers.size(); ++l) {
    if (model.config.layers[l].moe) {
      weights.layers[l].moe.experts = model::stored_experts(model, static_cast<std::int64_t>(l));
    }
  }
  for (const Parameter& parameter : parameters(weights)) {
    Tensor& value = *parameter.value;
    if (!value.defined()) value = model::stored_tensor(model.checkpoint, parameter.name);
    const Tensor copy = value.to(at::kFloat, /*non_blocking=*/false, /*copy=*/true).contiguous();
    check(all_finite(copy), model.folder().string(), ": tensor '", parameter.name,
          "' holds NaN or infinite values; a model cannot be trained from them");
    value = copy.to(device);
  }
  return weights;
}

ModelWeights draw_weights(const Json& json, std::uint64_t seed, at::Device device) {
  const model::Family& family = model::find_family(JsonObject(json, "model.config").string("model_type"));
  ModelWeights weights =
      empty_weights(family, family.layouts.front(), model::read_config(json, family, "model.config"));
  std::map<std::string, model::InitialTensor> initial;
  for (model::InitialTensor& tensor : initial_tensors(weights.config, family, weights.layout)) {
    initial.emplace(tensor.name, std::move(tensor));
  }
  for (const Parameter& parameter : parameters(weights)) {
    *parameter.value = model::draw(initial.at(parameter.name), seed).to(device);
  }
  return weights;
}

std::function<Tensor(const std::string&)> stored_tensors(ModelWeights& weights) {
  std::map<std::string, Tensor> single;
  std::map<std::string, std::pair<const std::vector<Expert>*, bool>> fused;  // of a layer; whether it is gate and up
  for (const Parameter& parameter : parameters(weights)) single[parameter.name] = *parameter.value;
  for (std::size_t l = 0; weights.layout.fused && l < weights.layers.size(); ++l) {
    const std::vector<Expert>& experts = weights.layers[l].moe.experts;
    const auto layer = static_cast<std::int64_t>(l);
    fused[model::fill_name(weights.layout.gate_up, layer)] = {&experts, true};
    fused[model::fill_name(weights.layout.down, layer)] = {&experts, false};
  }
  return [single, fused](const std::string& name) {
    const auto found = fused.find(name);
    if (found == fused.end()) return single.at(name).detach().to(at::kCPU);
    const auto& [experts, is_gate_up] = found->second;
    std::vector<Tensor> parts;
    for (const Expert& expert : *experts) {
      parts.push_back(is_gate_up ? at::cat({expert.gate, expert.up}) : expert.down);
    }
    return at::stack(parts).detach().to(at::kCPU);
  };
}

}  // namespace uncurl::train
