#include "uncurl/model/layer_kinds.h"

#include <algorithm>
#include <functional>
#include <set>

#include "uncurl/base/error.h"

namespace uncurl::model {
namespace {

using HoldsExperts = std::function<bool(std::int64_t layer)>;
using WindowOf = std::function<std::int64_t(std::int64_t layer)>;

std::set<std::int64_t> read_layer_set(const JsonObject& config, const char* key) {
  std::set<std::int64_t> layers;
  for (const Json& layer : config.array(key)) {
    check(layer.is_number_integer(), config.place(), ": ", key, " should be a list of layer numbers, found ",
          json_text(layer), " in it");
    layers.insert(layer.get<std::int64_t>());
  }
  return layers;
}

/// The layers that moe_layers lists, else every moe_layer_step-th from moe_layer_offset on.
HoldsExperts listed_or_on_step(const JsonObject& config) {
  if (config.has("moe_layers")) {
    return [listed = read_layer_set(config, "moe_layers")](std::int64_t layer) { return listed.contains(layer); };
  }
  const std::int64_t step = config.integer("moe_layer_step", 2), offset = config.integer("moe_layer_offset", 0);
  check(step >= 1 && offset >= 0, config.place(), ": moe_layer_step is ", step, " and moe_layer_offset ", offset,
        ", expected at least 1 and at least 0");
  return [step, offset](std::int64_t layer) { return layer >= offset && (layer - offset) % step == 0; };
}

/// Every decoder_sparse_step-th layer but those of mlp_only_layers.
HoldsExperts on_sparse_step(const JsonObject& config, const Family& family) {
  const std::int64_t step = config.integer("decoder_sparse_step", family.sparse_step_default);
  check(step >= 1, config.place(), ": decoder_sparse_step is ", step, ", expected at least 1");
  std::set<std::int64_t> dense;
  if (config.has("mlp_only_layers")) dense = read_layer_set(config, "mlp_only_layers");
  return [step, dense](std::int64_t layer) { return !dense.contains(layer) && (layer + 1) % step == 0; };
}

HoldsExperts read_expert_rule(const JsonObject& config, const Family& family, std::int64_t num_experts) {
  switch (family.moe_layers) {
    case MoeLayers::kSparseStep:
      return on_sparse_step(config, family);
    case MoeLayers::kStepAndOffset:
      if (num_experts == 0) return [](std::int64_t) { return false; };
      return listed_or_on_step(config);
    case MoeLayers::kAll:
      break;
  }
  return [](std::int64_t) { return true; };
}

/// Qwen's window counts where use_sliding_window says so, and is absent by default; Mixtral has no such key.
bool uses_window(const JsonObject& config, const Family& family) {
  if (family.window == WindowRule::kNone) return false;
  if (!family.switches_window) return config.has("sliding_window");
  if (!config.boolean("use_sliding_window", false)) return false;
  check(config.has("sliding_window"), config.place(),
        ": use_sliding_window is true, but sliding_window (tokens) is missing; add it, or set use_sliding_window to "
        "false");
  return true;
}

/// One entry a layer, "full_attention" or "sliding_attention".
std::vector<bool> read_layer_types(const JsonObject& config, std::int64_t num_layers) {
  const Json& types = config.array("layer_types");
  check(static_cast<std::int64_t>(types.size()) == num_layers, config.place(), ": layer_types has ", types.size(),
        " entries, but num_hidden_layers is ", num_layers, "; expected one a layer");
  std::vector<bool> slides;
  for (const Json& type : types) {
    check(type == "sliding_attention" || type == "full_attention", config.place(), ": layer_types holds ",
          json_text(type), "; this program runs \"full_attention\" and \"sliding_attention\"");
    slides.push_back(type == "sliding_attention");
  }
  return slides;
}

WindowOf read_window_rule(const JsonObject& config, const Family& family, std::int64_t num_layers) {
  const bool by_layer = family.window == WindowRule::kLayerTypes;
  std::vector<bool> slides;
  if (by_layer && config.has("layer_types")) slides = read_layer_types(config, num_layers);
  if (!uses_window(config, family)) {
    check(std::find(slides.begin(), slides.end(), true) == slides.end(), config.place(),
          ": layer_types has layers of \"sliding_attention\", but use_sliding_window is not true; make the two agree");
    return [](std::int64_t) { return 0; };
  }
  const std::int64_t window = config.integer("sliding_window");
  check(window >= 1, config.place(), ": sliding_window is ", window,
        ", expected at least 1 token, or null for no window");
  if (!by_layer) return [window](std::int64_t) { return window; };
  if (!slides.empty()) {
    return [window, slides](std::int64_t layer) { return slides[static_cast<std::size_t>(layer)] ? window : 0; };
  }
  const std::int64_t end = config.integer("max_window_layers", 28);
  return [window, end](std::int64_t layer) { return layer % 2 == 0 && layer < end ? window : 0; };
}

/// By kExpertsPerLayerKey. Its largest entry is the number of experts: no other file would be written so.
std::vector<std::int64_t> read_own_counts(const JsonObject& config, std::int64_t num_layers, std::int64_t num_experts) {
  const Json& list = config.array(kExpertsPerLayerKey);
  const bool integers = std::all_of(list.begin(), list.end(), [](const Json& c) { return c.is_number_integer(); });
  check(static_cast<std::int64_t>(list.size()) == num_layers && integers, config.place(), ": ", kExpertsPerLayerKey,
        " should be a list of ", num_layers, " integers, one a layer; it has ", list.size(), " entries",
        integers ? "" : ", not all of them integers");
  const auto counts = list.get<std::vector<std::int64_t>>();
  const std::int64_t most = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
  check(most == num_experts, config.place(), ": ", kExpertsPerLayerKey, " gives layers up to ", most,
        " experts, but the number of experts is ", num_experts, "; was one of the two changed?");
  return counts;
}

}  // namespace

std::vector<LayerKind> read_layers(const JsonObject& config, const Family& family, std::int64_t num_layers,
                                   std::int64_t num_experts) {
  const HoldsExperts holds_experts = read_expert_rule(config, family, num_experts);
  const WindowOf window_of = read_window_rule(config, family, num_layers);
  std::vector<std::int64_t> own_counts;
  if (config.has(kExpertsPerLayerKey)) own_counts = read_own_counts(config, num_layers, num_experts);
  std::vector<LayerKind> layers;
  for (std::int64_t layer = 0; layer < num_layers; ++layer) {
    const bool moe = holds_experts(layer);
    const std::int64_t count = own_counts.empty() ? num_experts : own_counts[static_cast<std::size_t>(layer)];
    layers.push_back({.moe = moe, .num_experts = moe ? count : 0, .window = window_of(layer)});
  }
  return layers;
}

}  // namespace uncurl::model
