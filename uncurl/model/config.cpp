#include "uncurl/model/config.h"

#include <algorithm>

#include "uncurl/base/error.h"
#include "uncurl/model/layer_kinds.h"

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

/// As transformers looks for it: rope_scaling before rope_parameters, a key inside before one of the same name outside.
double read_rope_theta(const JsonObject& config, const Family& family) {
  const double outside = config.number("rope_theta", family.rope_theta_default);
  const bool scaling = config.has("rope_scaling") && !config.object("rope_scaling").json().empty();
  if (!scaling && !config.has("rope_parameters")) return outside;
  const JsonObject rope = config.object(scaling ? "rope_scaling" : "rope_parameters");
  for (const auto& [key, value] : rope.json().items()) {
    check(!value.is_object(), rope.place(), ": has positions of their own for '", key,
          "'; this program turns all layers alike");
  }
  const std::string type = rope.string("rope_type", rope.string("type", "default"));
  check(
      type == "default", rope.place(), ": rope_type is '", type,
      "', this program runs 'default' only. Scaled positions change every token's result, short rows included, so the "
      "key cannot just be taken away; only where it was added by hand for longer texts, remove it again");
  for (const JsonObject& place : {rope, config}) {
    const double rotated = place.number("partial_rotary_factor", 1.0);
    check(rotated == 1.0, place.place(), ": partial_rotary_factor is ", rotated, ", this program runs 1 only");
  }
  return rope.number("rope_theta", outside);
}

bool read_bias(BiasRule rule, const JsonObject& config, const char* key) {
  if (rule == BiasRule::kFromAttentionBias) return config.boolean("attention_bias", false);
  return rule == BiasRule::kAlways && config.boolean(key, true);
}

/// What a size may be: larger than any model's, and small enough that twice a product of two fits into 63 bits.
constexpr std::int64_t kLargestSize = std::int64_t{1} << 30;
constexpr std::int64_t kMostExperts = 1 << 18;  // of all layers; DeepSeek-V3 has 15,000
constexpr double kMostParameters = 1e15;

std::int64_t checked_size(std::int64_t size, const std::string& key, const std::string& place) {
  check(size >= 1 && size <= kLargestSize, place, ": ", key, " is ", size, ", expected 1 to ", kLargestSize);
  return size;
}

std::int64_t read_size(const JsonObject& config, const std::string& key) {
  return checked_size(config.integer(key), key, config.place());
}

/// 0 where no layer holds experts.
std::int64_t read_num_experts(const JsonObject& config, const Family& family) {
  const std::vector<std::string>& keys = family.keys.num_experts;
  const auto first = std::find_if(keys.begin(), keys.end(), [&](const std::string& key) { return config.has(key); });
  check(first != keys.end(), config.place(), ": key '", keys.front(), "' (number of experts) is missing");
  const std::int64_t count = config.integer(*first);
  check(count >= 0 && count <= kLargestSize, config.place(), ": ", *first, " is ", count, ", expected 0 to ",
        kLargestSize);
  for (const std::string& key : keys) {
    const std::int64_t other = config.integer(key, count);
    check(other == count, config.place(), ": ", *first, " is ", count, ", but ", key, " is ", other,
          ", and both name the number of experts; was only one of them changed?");
  }
  return count;
}

nn::RoutingRule read_routing(const JsonObject& config, const Family& family, bool dense) {
  nn::RoutingRule rule = family.routing;
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
  const bool possible = rule.block > 0 && rule.block <= kLargestSize && rule.factor > 0 &&
                        rule.factor <= kLargestSize && rule.minimum >= 0 && rule.minimum <= kLargestSize;
  check(possible, config.place(), ": capacity_block is ", rule.block, ", ", factor_key, " (with top2_capacity_factor) ",
        rule.factor, ", min_capacity ", rule.minimum, "; expected positive numbers up to ", kLargestSize,
        ". To serve every token set ", drops, " to false");
  return rule;
}

std::int64_t read_num_layers(const JsonObject& config, std::int64_t most_layers) {
  const std::int64_t layers = config.integer("num_hidden_layers");
  check(layers >= 1, config.place(), ": num_hidden_layers is ", layers, ", expected at least 1");
  check(layers <= most_layers, config.place(), ": num_hidden_layers is ", layers, ", expected at most ", most_layers,
        most_layers == kMostNewLayers ? "" : ", the number of tensors in the files; was config.json changed?");
  return layers;
}

/// Weights by the sizes alone, biases and norms left out.
double implied_parameters(const ModelConfig& config) {
  const auto real = [](std::int64_t number) { return static_cast<double>(number); };
  const double width = real(config.hidden_size);
  double total = width * (2 * real(config.vocab_size) + real(config.num_positions));
  for (const LayerKind& layer : config.layers) {
    const double mlp = layer.moe ? real(layer.num_experts) * (real(config.expert_width) + 1) + real(config.shared_width)
                                 : real(config.dense_width);
    total += width * (2 * real(config.head_dim) * (real(config.num_heads) + real(config.num_kv_heads)) + 3 * mlp);
  }
  return total;
}

void check_experts(const ModelConfig& config, const std::string& place) {
  const std::vector<std::int64_t> moe_layers = config.moe_layers();
  check(config.num_experts > 0 || moe_layers.empty(), place, ": the number of experts is 0, expected at least 1 in ",
        moe_layers.size(), " layers with experts");
  check(config.num_experts == 0 || !moe_layers.empty(), place, ": no layer holds experts, but their number is ",
        config.num_experts);
  if (moe_layers.empty()) return;
  check(config.num_experts <= kMostExperts / static_cast<std::int64_t>(moe_layers.size()), place, ": ",
        config.num_experts, " experts in each of ", moe_layers.size(), " layers; expected at most ", kMostExperts,
        " in all");
  check(config.routing.top_k >= 1 && config.routing.top_k <= config.num_experts, place, ": ", config.routing.top_k,
        " experts per token of ", config.num_experts, "; expected 1 to ", config.num_experts);
  for (const std::int64_t layer : moe_layers) {
    const std::int64_t found = config.layers[static_cast<std::size_t>(layer)].num_experts;
    check(found >= config.routing.top_k && found <= config.num_experts, place, ": ", kExpertsPerLayerKey,
          " gives layer ", layer, " ", found, " experts, expected ", config.routing.top_k, " (experts per token) to ",
          config.num_experts);
  }
}

void check_sizes(const ModelConfig& config, const std::string& place) {
  check(config.num_heads % config.num_kv_heads == 0, place, ": num_attention_heads (", config.num_heads,
        ") is no multiple of num_key_value_heads (", config.num_kv_heads, ")");
  const auto dense = [](const LayerKind& layer) { return !layer.moe; };
  if (std::any_of(config.layers.begin(), config.layers.end(), dense)) {
    checked_size(config.dense_width, "intermediate_size", place);
  }
  check_experts(config, place);
  const double parameters = implied_parameters(config);
  check(parameters <= kMostParameters, place, ": its sizes imply ", parameters, " parameters, expected at most ",
        kMostParameters, "; was a size changed?");
}

}  // namespace

std::vector<std::int64_t> ModelConfig::moe_layers() const {
  std::vector<std::int64_t> result;
  for (std::int64_t layer = 0; layer < num_layers(); ++layer) {
    if (layers[static_cast<std::size_t>(layer)].moe) result.push_back(layer);
  }
  return result;
}

ModelConfig read_config(const Json& json, const Family& family, const std::string& place, std::int64_t most_layers) {
  const JsonObject config(json, place);
  refuse_unsupported(config, family);
  ModelConfig model;
  model.model_type = family.model_type;
  model.vocab_size = read_size(config, "vocab_size");
  model.hidden_size = read_size(config, "hidden_size");
  model.num_heads = read_size(config, "num_attention_heads");
  model.num_kv_heads =
      checked_size(config.integer("num_key_value_heads", model.num_heads), "num_key_value_heads", place);
  model.head_dim = checked_size(config.integer("head_dim", model.hidden_size / model.num_heads), "head_dim", place);
  model.num_experts = read_num_experts(config, family);
  model.expert_width = read_size(config, family.keys.expert_width);
  if (!family.keys.shared_width.empty()) model.shared_width = read_size(config, family.keys.shared_width);
  model.dense_width = config.integer("intermediate_size", 0);
  model.norm_epsilon = config.number(family.keys.norm_epsilon, family.norm_epsilon_default);
  model.rope_theta = read_rope_theta(config, family);
  check(model.norm_epsilon >= 0 && model.rope_theta > 0, place, ": ", family.keys.norm_epsilon, " is ",
        model.norm_epsilon, " and rope_theta ", model.rope_theta, "; expected at least 0 and above 0");
  if (family.clips_qkv && config.has("clip_qkv")) {
    model.clip_qkv = config.number("clip_qkv");
    check(model.clip_qkv > 0, place, ": clip_qkv is ", model.clip_qkv,
          ", expected a positive number, or null for no clipping");
  }
  model.tied_embeddings = config.boolean("tie_word_embeddings", family.tied_embeddings_default);
  model.qkv_bias = read_bias(family.qkv_bias, config, "qkv_bias");
  model.o_bias = read_bias(family.o_bias, config, "o_bias");
  model.norm_bias = family.norm_bias;
  model.gated_mlp = !family.names.dense_gate.empty();
  if (!family.names.positions.empty()) model.num_positions = read_size(config, "n_positions");
  model.routing = read_routing(config, family, model.num_experts == 0);
  if (family.has_capacity) {
    model.capacity_in_training = read_capacity(config, model, /*training=*/true);
    model.capacity_in_eval = read_capacity(config, model, /*training=*/false);
  }
  model.layers = read_layers(config, family, read_num_layers(config, most_layers), model.num_experts);
  check_sizes(model, place);
  return model;
}

Json with_num_experts(const Json& json, const Family& family, const std::vector<std::int64_t>& experts_of_layer) {
  std::vector<std::int64_t> counts = experts_of_layer;
  std::erase(counts, 0);
  if (counts.empty()) return json;  // a model without experts stays as it is
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
