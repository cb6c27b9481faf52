// Writes a tiny random checkpoint folder of any family: what the tests of model and prune run on.
//
//     const TemporaryFolder folder;
//     write_tiny_checkpoint(folder / "model", {.family = "mixtral", .num_experts = 6, .fused = true});
//     const Model model = model::open_model(folder / "model");
//
// To damage or plant something, take the parts: tiny_config, tiny_tensors, change them, write_checkpoint.
#pragma once

#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/expect_near.h"
#include "uncurl/base/hash.h"
#include "uncurl/checkpoint/writer.h"
#include "uncurl/model/config.h"
#include "uncurl/model/weights.h"
#include "uncurl/tensor/bytes.h"

namespace uncurl::test {

struct TinyModel {
  std::string family = "qwen3_moe";
  std::int64_t num_layers = 2;
  std::int64_t num_experts = 4;
  std::int64_t top_k = 2;
  std::int64_t hidden_size = 16;
  std::int64_t expert_width = 8;
  std::int64_t vocab_size = 32;
  std::int64_t num_heads = 4;
  std::int64_t num_kv_heads = 2;
  at::ScalarType dtype = at::kFloat;
  bool fused = false;                            ///< experts of a layer in two tensors, as transformers 5 may write
  std::optional<std::uint64_t> max_shard_bytes;  ///< absent: one file
  std::uint64_t seed = 1;
  Json config = Json::object();  ///< keys of config.json to add or replace; a null takes the key away
};

/// By tensor name, in the stored dtype.
using TensorMap = std::map<std::string, Tensor>;

inline Json tiny_config(const TinyModel& tiny) {
  Json config = {{"model_type", tiny.family},
                 {"vocab_size", tiny.vocab_size},
                 {"hidden_size", tiny.hidden_size},
                 {"num_hidden_layers", tiny.num_layers},
                 {"num_attention_heads", tiny.num_heads},
                 {"num_key_value_heads", tiny.num_kv_heads},
                 {"hidden_act", "silu"},
                 {"rms_norm_eps", 1e-6},
                 {"rope_theta", 10000.0},
                 {"tie_word_embeddings", false},
                 {"num_experts_per_tok", tiny.top_k}};
  const bool qwen = tiny.family == "qwen3_moe" || tiny.family == "qwen2_moe";
  config[tiny.family == "mixtral" ? "num_local_experts" : "num_experts"] = tiny.num_experts;
  config[qwen ? "moe_intermediate_size" : "intermediate_size"] = tiny.expert_width;
  if (qwen) config["intermediate_size"] = 2 * tiny.expert_width;  // of layers that config makes dense
  if (tiny.family == "qwen2_moe") config["shared_expert_intermediate_size"] = tiny.expert_width + 4;
  if (tiny.family == "qwen3_moe") config["norm_topk_prob"] = true;
  if (tiny.family == "smoe_gpt2") {
    config.update({{"n_positions", 40}, {"hidden_act", "gelu_new"}});
    config.update({{"capacity_block", 5}, {"min_capacity", 1}});  // so that experts do refuse tokens of rows this short
  }
  for (const auto& [key, value] : tiny.config.items()) {
    config[key] = value;
    if (value.is_null()) config.erase(key);
  }
  return config;
}

/// A value depends on its tensor's name and the seed alone. Outputs keep the size of inputs, norms are near one, and
/// routers are steep enough for clear routes.
inline Tensor tiny_tensor(const std::string& name, const std::vector<std::int64_t>& shape, const TinyModel& tiny) {
  const Tensor normal = random_tensor(shape, hash64(name, tiny.seed));
  const bool norm = shape.size() == 1 && !name.ends_with("bias");
  const bool router = name.ends_with(".gate.weight") || name.ends_with(".router.weight");
  const bool table = name.find("embed_tokens") != std::string::npos || name.find(".wte.") != std::string::npos;
  const double scale = (router ? 2.0 : 1.0) / std::sqrt(static_cast<double>(shape.back()));
  return (norm ? 1.0 + 0.1 * normal : table ? normal : normal * scale).to(tiny.dtype);
}

/// One layer's experts, each in three tensors, put into the two of `fused`; the same numbers.
inline void fuse_experts(TensorMap& tensors, const model::ExpertLayout& single, const model::ExpertLayout& fused,
                         std::int64_t layer, std::int64_t num_experts) {
  const auto take = [&](const std::string& pattern, std::int64_t expert) {
    return tensors.extract(model::fill_name(pattern, layer, expert)).mapped();
  };
  std::vector<Tensor> gate_up, down;
  for (std::int64_t expert = 0; expert < num_experts; ++expert) {
    gate_up.push_back(at::cat({take(single.gate, expert), take(single.up, expert)}));
    down.push_back(take(single.down, expert));
  }
  const Tensor router = take(single.router, 0);
  tensors[model::fill_name(fused.router, layer)] = router;
  tensors[model::fill_name(fused.gate_up, layer)] = at::stack(gate_up);
  tensors[model::fill_name(fused.down, layer)] = at::stack(down);
}

/// Every tensor that the config of `tiny` calls for. Fused and single experts of one seed hold the same numbers.
inline TensorMap tiny_tensors(const TinyModel& tiny) {
  const model::Family& family = model::find_family(tiny.family);
  const model::ModelConfig config = model::read_config(tiny_config(tiny), family, "tiny config");
  const model::ExpertLayout& single = family.layouts[0];
  TensorMap tensors;
  const auto add = [&](const std::string& name, const std::vector<std::int64_t>& shape) {
    tensors[name] = tiny_tensor(name, shape, tiny);
  };
  model::OuterWeights outer;
  model::for_each_outer_tensor(outer, config, family,
                               [&](Tensor&, const std::string& name, const auto& shape) { add(name, shape); });
  for (std::int64_t layer = 0; layer < config.num_layers(); ++layer) {
    model::LayerWeights unused;
    model::for_each_tensor(
        unused, config, family, single, layer,
        [&](Tensor&, const std::string& name, const std::vector<std::int64_t>& shape) { add(name, shape); });
    const std::int64_t num_experts = config.layers[static_cast<std::size_t>(layer)].num_experts;
    if (num_experts == 0) continue;
    for (const model::ExpertTensor& tensor : model::expert_tensors(config, single, layer, num_experts)) {
      add(tensor.name, tensor.shape);
    }
    if (tiny.fused) fuse_experts(tensors, single, family.layouts[1], layer, num_experts);
  }
  return tensors;
}

/// @param folder  must not exist or be empty
inline void write_checkpoint(const std::filesystem::path& folder, const Json& config, const TensorMap& tensors,
                             std::optional<std::uint64_t> max_shard_bytes = std::nullopt) {
  std::vector<checkpoint::TensorSpec> specs;
  for (const auto& [name, tensor] : tensors) {
    specs.push_back({name, dtype_name(tensor.scalar_type()), tensor.sizes().vec()});
  }
  checkpoint::CheckpointWriter writer(folder, specs, {.max_shard_bytes = max_shard_bytes});
  for (const auto& [name, tensor] : tensors) {
    const Tensor contiguous = tensor.contiguous();
    writer.write(name, bytes_of(contiguous));
  }
  writer.finish();
  write_json(folder / "config.json", config);
}

inline void write_tiny_checkpoint(const std::filesystem::path& folder, const TinyModel& tiny = {}) {
  write_checkpoint(folder, tiny_config(tiny), tiny_tensors(tiny), tiny.max_shard_bytes);
}

}  // namespace uncurl::test
