// All weights of a model in memory, as training changes them: fp32, every expert's tensors on their own.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "uncurl/model/model.h"

namespace uncurl::train {

using at::Tensor;

struct ModelWeights {
  const model::Family* family;
  model::ExpertLayout layout;
  model::ModelConfig config;
  model::OuterWeights outer;
  std::vector<model::LayerWeights> layers;
};

/// What a tensor is part of: the words of `train` and `freeze`.
enum class Part { kRouters, kExperts, kShared, kDense, kAttention, kNorms, kEmbeddings, kHead };
const char* part_name(Part part);
const std::vector<Part>& all_parts();

/// A tensor of the model. An expert of a fused tensor is named "<tensor>[3].gate", ".up" or ".down".
struct Parameter {
  std::string name;
  Part part;
  Tensor* value;
};

/// In a fixed order; the pointers lead into `weights`.
std::vector<Parameter> parameters(ModelWeights& weights);

/// Calls visit for every parameter of one layer, which may be a copy of that of `weights`.
void for_each_parameter(model::LayerWeights& layer_weights, const ModelWeights& weights, std::int64_t layer,
                        const std::function<void(const Parameter&)>& visit);

/// Copies of the stored tensors. @throws Error naming the tensor if one is not finite
ModelWeights load_weights(const model::Model& model, at::Device device);

/// As model/initial.h draws them. @param config  what config.json will hold
ModelWeights draw_weights(const Json& config, std::uint64_t seed, at::Device device);

/// The tensor of this name in a checkpoint: a parameter, or the experts of a fused one stacked. On the CPU; refers to
/// `weights`.
std::function<Tensor(const std::string& name)> stored_tensors(ModelWeights& weights);

}  // namespace uncurl::train
