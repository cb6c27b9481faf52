// A model family is data: the names of its tensors, where its config keeps which number, and its switches.
// One Transformer runs all of them; nothing looks at a model's name anywhere else.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "uncurl/nn/router.h"

namespace uncurl::model {

/// Where the routed experts of a layer lie. {layer} and {expert} are replaced by numbers.
struct ExpertLayout {
  bool fused = false;   ///< one tensor [E,2F,D] for gate (first half) and up, one [E,D,F] for down
  std::string router;   ///< [E,D]
  std::string gate;     ///< [F,D] per expert; unused when fused, empty where experts have no gate but biases
  std::string up;       ///< [F,D] per expert; unused when fused
  std::string gate_up;  ///< [E,2F,D]; used when fused
  std::string down;     ///< [D,F] per expert, or [E,D,F]

  bool is_gated() const { return fused || !gate.empty(); }
};

/// Names of everything else. An empty name means that the family has no such tensor.
struct TensorNames {
  std::string embeddings = "model.embed_tokens.weight";
  std::string positions;  ///< [P,D], added to the embeddings; empty: queries and keys are turned by their position
  std::string final_norm = "model.norm.weight";
  std::string head = "lm_head.weight";
  std::string input_norm = "model.layers.{layer}.input_layernorm.weight";
  std::string post_attention_norm = "model.layers.{layer}.post_attention_layernorm.weight";
  std::string q = "model.layers.{layer}.self_attn.q_proj.weight";  ///< a bias has the same name with .bias
  std::string k = "model.layers.{layer}.self_attn.k_proj.weight";
  std::string v = "model.layers.{layer}.self_attn.v_proj.weight";
  std::string o = "model.layers.{layer}.self_attn.o_proj.weight";
  std::string q_norm = "model.layers.{layer}.self_attn.q_norm.weight";
  std::string k_norm = "model.layers.{layer}.self_attn.k_norm.weight";
  std::string dense_gate = "model.layers.{layer}.mlp.gate_proj.weight";  ///< empty: no gate but biases, as experts
  std::string dense_up = "model.layers.{layer}.mlp.up_proj.weight";
  std::string dense_down = "model.layers.{layer}.mlp.down_proj.weight";
  std::string correction_bias;
  std::string shared_gate;
  std::string shared_up;
  std::string shared_down;
  std::string shared_router;  ///< [1,D]; its sigmoid scales the shared expert
};

enum class QkNorm { kNone, kPerHead, kWholeProjection };      ///< Qwen3: [head_dim]; OLMoE: [H*head_dim]
enum class BiasRule { kNever, kAlways, kFromAttentionBias };  ///< the last: config key attention_bias
/// Which layers hold experts. kStepAndOffset: those that moe_layers lists, else every moe_layer_step-th from
/// moe_layer_offset on; none where the number of experts is 0.
enum class MoeLayers { kAll, kSparseStep, kStepAndOffset };
/// kAllLayers: Mixtral and Qwen3. kLayerTypes: Qwen2, as layer_types says, or every other layer.
enum class WindowRule { kNone, kAllLayers, kLayerTypes };

/// Keys of config.json. Where several keys of a list are present they have to agree.
struct ConfigKeys {
  std::vector<std::string> num_experts = {"num_experts"};  ///< every one that is present is rewritten when pruning
  std::string top_k = "num_experts_per_tok";
  std::string expert_width = "moe_intermediate_size";
  std::string shared_width;  ///< empty: no shared expert
  std::string norm_epsilon = "rms_norm_eps";
};

/// What a folder needs besides config and weights so that transformers can read it: code for trust_remote_code.
struct RemoteCode {
  struct File {
    std::string name;
    std::string_view text;
  };
  std::vector<File> files;                      ///< none for families that transformers knows
  std::map<std::string, std::string> auto_map;  ///< of config.json: which of its classes is what
  std::string architecture;                     ///< likewise
};

struct Family {
  std::string model_type;
  std::string description;
  std::string example;  ///< a well-known checkpoint
  ConfigKeys keys;
  TensorNames names;
  std::vector<ExpertLayout> layouts;  ///< the first whose router and down tensors are in the checkpoint is taken
  nn::RoutingRule routing;            ///< top_k and, where the config has norm_topk_prob, renormalize come from there
  bool renormalize_from_config = false;
  std::string activation = "silu";  ///< the only value of hidden_act; gelu_new where MLPs have no gate
  bool norm_bias = false;           ///< norms are LayerNorms
  bool has_capacity = false;        ///< experts serve only so many tokens of a text, as the config says
  bool tied_embeddings_default = false;
  MoeLayers moe_layers = MoeLayers::kAll;
  QkNorm qk_norm = QkNorm::kNone;
  BiasRule qkv_bias = BiasRule::kNever;
  BiasRule o_bias = BiasRule::kNever;
  WindowRule window = WindowRule::kNone;
  bool switches_window = false;  ///< by use_sliding_window, false unless given
  bool clips_qkv = false;        ///< to clip_qkv, where the config has it
  RemoteCode remote_code;
  std::int64_t sparse_step_default = 1;
  double rope_theta_default = 10000.0;
  double norm_epsilon_default = 1e-6;
};

/// The names that most families share: model.layers.N.mlp.experts.E.{gate,up,down}_proj, router mlp.gate; and the same
/// fused as transformers 5 may write it.
std::vector<ExpertLayout> common_expert_layouts();

/// All families, in the order of `uncurl families`.
const std::vector<Family>& families();

/// @throws Error naming the known families if there is none of this model_type
const Family& find_family(const std::string& model_type);

/// "model.layers.{layer}.x.{expert}" with the numbers filled in.
std::string fill_name(const std::string& pattern, std::int64_t layer, std::int64_t expert = -1);

}  // namespace uncurl::model
