// The sizes and switches of one model, read from config.json with the defaults of its family.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/base/json.h"
#include "uncurl/model/family.h"
#include "uncurl/nn/capacity.h"
#include "uncurl/nn/router.h"

namespace uncurl::model {

/// Kinds of layers: one entry of `layers` each.
struct LayerKind {
  bool moe = true;
  std::int64_t num_experts = 0;  ///< 0 in a dense layer
  std::int64_t window = 0;       ///< sliding attention window in tokens; 0 means none
};

struct ModelConfig {
  std::string model_type;
  std::int64_t vocab_size = 0;
  std::int64_t hidden_size = 0;
  std::int64_t num_heads = 0;
  std::int64_t num_kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t num_experts = 0;  ///< as config.json says; a layer may hold fewer, see LayerKind
  std::int64_t expert_width = 0;
  std::int64_t shared_width = 0;  ///< 0: no shared expert
  std::int64_t dense_width = 0;   ///< of layers without experts
  double norm_epsilon = 1e-6;
  double rope_theta = 10000.0;
  double clip_qkv = 0;  ///< 0: no clipping
  bool tied_embeddings = false;
  bool qkv_bias = false;
  bool o_bias = false;
  bool norm_bias = false;          ///< norms are LayerNorms with a bias, not root-mean-square norms
  bool gated_mlp = true;           ///< false: MLPs and experts without gate, with biases
  std::int64_t num_positions = 0;  ///< rows of the table of learned positions; 0: rotary positions, of any number
  std::optional<nn::CapacityRule> capacity_in_training, capacity_in_eval;  ///< absent: every choice is served
  nn::RoutingRule routing;
  std::vector<LayerKind> layers;

  std::int64_t num_layers() const { return static_cast<std::int64_t>(layers.size()); }
  std::vector<std::int64_t> moe_layers() const;
};

/// Layers that a model which has no files yet may have.
inline constexpr std::int64_t kMostNewLayers = 10'000;

/// No number of the result overflows a product of sizes, and none was looped over before it was held against a bound.
/// @param place        the file's name, for messages
/// @param most_layers  of a checkpoint the number of its tensors: each layer has some of its own
/// @throws Error naming the key for missing keys, for sizes that cannot be, for two keys that contradict each other and
///         for what this program cannot run (other activations, scaled rotary positions, quantised weights): nothing is
///         ignored that would change a logit
ModelConfig read_config(const Json& json, const Family& family, const std::string& place,
                        std::int64_t most_layers = kMostNewLayers);

/// Key of ours for checkpoints whose layers hold different numbers of experts: one integer per layer, 0 where dense.
inline constexpr const char* kExpertsPerLayerKey = "uncurl_num_experts_per_layer";

/// `json` with the number of experts replaced under every key of the family that is present: the largest, and beside
/// it kExpertsPerLayerKey where layers differ. @param experts_of_layer one entry per layer, 0 where dense
Json with_num_experts(const Json& json, const Family& family, const std::vector<std::int64_t>& experts_of_layer);

}  // namespace uncurl::model
