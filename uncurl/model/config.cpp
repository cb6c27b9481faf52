#include "uncurl/model/config.h"

#include <algorithm>

#include "uncurl/base/error.h"

namespace uncurl::model {
namespace {

/// Refuses what would change the numbers and is not computed here.
void refuse_unsupported(const JsonObject& config, const Family& family) {
  const std::string activation = config.string("hidden_act", family.activation);
  check(activation == family.activation, config.place(), ": hidden_act is '", activation, "', this program runs '",
        family.activation, "' only");
  check(!config.has("quantization_config"), config.place(),
        ": the checkpoint is quantised (quantization_config); expand it to bf16 first, for example with transformers' "
        "dequantize() and save_pretrained()");
}

double read_rope_theta(const JsonObject& config, const Family& family) {
  const auto expect_default = [&](const JsonObject& rope) {
    const std::string type = rope.string("rope_type", rope.string("type", "default"));
    check(type == "default", rope.place(), ": rope_type is '", type,
          "', this program runs 'default' only; for rows within the original length, set it to default");
  };
  if (config.has("rope_scaling")) expect_default(config.object("rope_scaling"));
  const double top_level = config.number("rope_theta", family.rope_theta_default);
  if (!config.has("rope_parameters")) return top_level;
  const JsonObject rope = config.object("rope_parameters");
  expect_default(rope);
  check(rope.number("partial_rotary_factor", 1.0) == 1.0, rope.place(), ": partial_rotary_factor other than 1");
  return rope.number("rope_theta", top_level);
}

bool read_bias(BiasRule rule, const JsonObject& config, const char* key) {
  if (rule == BiasRule::kFromAttentionBias) return config.boolean("attention_bias", false);
  return rule == BiasRule::kAlways && config.boolean(key, true);
}

std::int64_t read_num_experts(const JsonObject& config, const Family& family) {
  for (const std::string& key : family.keys.num_experts) {
    if (config.has(key)) return config.integer(key);
  }
  fail(config.place(), ": key '", family.keys.num_experts.front(), "' (number of experts) is missing");
}

bool lists(const Json& layers, std::int64_t layer) {
  return std::find(layers.begin(), layers.end(), Json(layer)) != layers.end();
}

bool is_listed_or_on_step(const JsonObject& config, const Family& family, std::int64_t layer) {
  if (read_num_experts(config, family) == 0) return false;
  if (config.has("moe_layers")) return lists(config.array("moe_layers"), layer);
  const std::int64_t step = config.integer("moe_layer_step", 2), offset = config.integer("moe_layer_offset", 0);
  check(step >= 1 && offset >= 0, config.place(), ": moe_layer_step is ", step, " and moe_layer_offset ", offset,
        ", expected at least 1 and at least 0");
  return layer >= offset && (layer - offset) % step == 0;
}

bool holds_experts(const JsonObject& config, const Family& family, std::int64_t layer) {
  if (family.moe_layers == MoeLayers::kFirstDense) {
    const std::int64_t first = config.integer("first_k_dense_replace", 0);
    return layer >= first && layer % config.integer("moe_layer_freq", 1) == 0;
  }
  if (family.moe_layers == MoeLayers::kAll) return true;
  if (family.moe_layers == MoeLayers::kStepAndOffset) return is_listed_or_on_step(config, family, layer);
  const std::int64_t step = config.integer("decoder_sparse_step", family.sparse_step_default);
  check(step >= 1, config.place(), ": decoder_sparse_step is ", step, ", expected at least 1");
  if (config.has("mlp_only_layers") && lists(config.array("mlp_only_layers"), layer)) return false;
  return (layer + 1) % step == 0;
}

std::int64_t read_window(const JsonObject& config, const Family& family, std::int64_t layer) {
  if (family.window == WindowRule::kNone || !config.has("sliding_window")) return 0;
  const std::int64_t window = config.integer("sliding_window");
  if (config.has("use_sliding_window") && !config.boolean("use_sliding_window")) return 0;
  if (family.window == WindowRule::kAllLayers) {
    // Qwen3's default for an absent use_sliding_window is false, Mixtral has no such key.
    return family.moe_layers == MoeLayers::kSparseStep && !config.has("use_sliding_window") ? 0 : window;
  }
  if (config.has("layer_types")) {
    const Json& types = config.array("layer_types");
    check(static_cast<std::int64_t>(types.size()) > layer, config.place(), ": layer_types has ", types.size(),
          " entries, expected one per layer");
    return types[static_cast<std::size_t>(layer)] == "sliding_attention" ? window : 0;
  }
  const bool slides =
      layer % 2 == 0 && layer < config.integer("max_window_layers", 28) && config.boolean("use_sliding_window", false);
  return slides ? window : 0;
}

std::int64_t read_layer_experts(const JsonObject& config, std::int64_t layer, std::int64_t num_experts) {
  if (!config.has(kExpertsPerLayerKey)) return num_experts;
  const Json& counts = config.array(kExpertsPerLayerKey);
  const auto index = static_cast<std::size_t>(layer);
  check(static_cast<std::int64_t>(counts.size()) == config.integer("num_hidden_layers") &&
            counts[index].is_number_integer(),
        config.place(), ": ", kExpertsPerLayerKey, " needs one integer per layer");
  return counts[index].get<std::int64_t>();
}

nn::RoutingRule read_routing(const JsonObject& config, const Family& family) {
  nn::RoutingRule rule = family.routing;
  const bool dense = read_num_experts(config, family) == 0;
  rule.top_k = dense ? config.integer(family.keys.top_k, 1) : config.integer(family.keys.top_k);
  check(!family.has_capacity || rule.top_k <= 2, config.place(), ": ", family.keys.top_k, " is ", rule.top_k,
        "; capacities are defined for 1 and 2");
  if (family.renormalize_from_config) rule.renormalize = config.boolean("norm_topk_prob", rule.renormalize);
  return rule;
}

std::optional<nn::CapacityRule> read_capacity(const JsonObject& config, const ModelConfig& model, bool training) {
  const char* const drops = training ? "drop_tokens_in_training" : "drop_tokens_in_eval";
  const char* const factor_key = training ? "train_capacity_factor" : "eval_capacity_factor";
  if (model.num_experts == 0 || !config.boolean(drops, true)) return std::nullopt;
  nn::CapacityRule rule{.block = config.integer("capacity_block", model.num_positions),
                        .factor = config.number(factor_key, training ? 1.2 : 1.0),
                        .minimum = config.integer("min_capacity", 4)};
  if (model.routing.top_k == 2) rule.factor *= config.number("top2_capacity_factor", 2.0);
  check(rule.block > 0 && rule.factor > 0 && rule.minimum >= 0, config.place(), ": capacity_block is ", rule.block,
        ", ", factor_key, " (with top2_capacity_factor) ", rule.factor, ", min_capacity ", rule.minimum,
        "; expected positive numbers. To serve every token set ", drops, " to false");
  return rule;
}

void check_sizes(const ModelConfig& config, const std::string& place) {
  const auto positive = [&](std::int64_t value, const char* what) {
    check(value > 0, place, ": ", what, " is ", value, ", expected a positive number");
  };
  positive(config.vocab_size, "vocab_size");
  positive(config.hidden_size, "hidden_size");
  positive(config.num_heads, "num_attention_heads");
  positive(config.num_kv_heads, "num_key_value_heads");
  positive(config.head_dim, "head_dim");
  positive(config.expert_width, "the width of an expert");
  positive(config.num_layers(), "num_hidden_layers");
  check(config.num_heads % config.num_kv_heads == 0, place, ": num_attention_heads (", config.num_heads,
        ") is no multiple of num_key_value_heads (", config.num_kv_heads, ")");
  const std::vector<std::int64_t> moe_layers = config.moe_layers();
  if (config.num_experts != 0 || !moe_layers.empty()) positive(config.num_experts, "the number of experts");
  check(config.num_experts == 0 || !moe_layers.empty(), place, ": no layer holds experts, but their number is ",
        config.num_experts);
  if (moe_layers.empty()) return;
  check(config.routing.top_k >= 1 && config.routing.top_k <= config.num_experts, place, ": ", config.routing.top_k,
        " experts per token of ", config.num_experts);
  for (const std::int64_t layer : moe_layers) {
    const std::int64_t found = config.layers[static_cast<std::size_t>(layer)].num_experts;
    check(found >= config.routing.top_k && found <= config.num_experts, place, ": ", kExpertsPerLayerKey,
          " gives layer ", layer, " ", found, " experts, expected ", config.routing.top_k, " (experts per token) to ",
          config.num_experts);
  }
}

}  // namespace

std::vector<std::int64_t> ModelConfig::moe_layers() const {
  std::vector<std::int64_t> result;
  for (std::int64_t layer = 0; layer < num_layers(); ++layer) {
    if (layers[static_cast<std::size_t>(layer)].moe) result.push_back(layer);
  }
  return result;
}

ModelConfig read_config(const Json& json, const Family& family, const std::string& place) {
  const JsonObject config(json, place);
  refuse_unsupported(config, family);
  ModelConfig model;
  model.model_type = family.model_type;
  model.vocab_size = config.integer("vocab_size");
  model.hidden_size = config.integer("hidden_size");
  model.num_heads = config.integer("num_attention_heads");
  model.num_kv_heads = config.integer("num_key_value_heads", model.num_heads);
  check(model.num_heads > 0, place, ": num_attention_heads is ", model.num_heads);
  model.head_dim = config.integer("head_dim", model.hidden_size / model.num_heads);
  model.num_experts = read_num_experts(config, family);
  model.expert_width = config.integer(family.keys.expert_width);
  if (!family.keys.shared_width.empty()) model.shared_width = config.integer(family.keys.shared_width);
  model.dense_width = config.integer("intermediate_size", 0);
  model.norm_epsilon = config.number(family.keys.norm_epsilon, family.norm_epsilon_default);
  model.rope_theta = read_rope_theta(config, family);
  model.clip_qkv = config.number("clip_qkv", 0);
  model.tied_embeddings = config.boolean("tie_word_embeddings", family.tied_embeddings_default);
  model.qkv_bias = read_bias(family.qkv_bias, config, "qkv_bias");
  model.o_bias = read_bias(family.o_bias, config, "o_bias");
  model.norm_bias = family.norm_bias;
  model.gated_mlp = !family.names.dense_gate.empty();
  if (!family.names.positions.empty()) model.num_positions = config.integer("n_positions");
  model.routing = read_routing(config, family);
  if (family.has_capacity) {
    model.capacity_in_training = read_capacity(config, model, /*training=*/true);
    model.capacity_in_eval = read_capacity(config, model, /*training=*/false);
  }
  for (std::int64_t layer = 0; layer < config.integer("num_hidden_layers"); ++layer) {
    const bool moe = holds_experts(config, family, layer);
    model.layers.push_back({.moe = moe,
                            .num_experts = moe ? read_layer_experts(config, layer, model.num_experts) : 0,
                            .window = read_window(config, family, layer)});
  }
  check_sizes(model, place);
  return model;
}

Json with_num_experts(const Json& json, const Family& family, const std::vector<std::int64_t>& experts_of_layer) {
  std::vector<std::int64_t> counts = experts_of_layer;
  std::erase(counts, 0);
  const auto [fewest, most] = std::minmax_element(counts.begin(), counts.end());
  Json changed = json;
  for (const std::string& key : family.keys.num_experts) {
    if (changed.contains(key)) changed[key] = *most;
  }
  changed.erase(kExpertsPerLayerKey);
  if (*fewest != *most) changed[kExpertsPerLayerKey] = experts_of_layer;
  return changed;
}

}  // namespace uncurl::model
