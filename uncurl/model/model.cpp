#include "uncurl/model/model.h"

#include <ATen/ATen.h>

#include "uncurl/base/error.h"
#include "uncurl/checkpoint/model_folder.h"
#include "uncurl/model/fit.h"
#include "uncurl/tensor/bytes.h"

namespace uncurl::model {

Model open_model(const std::filesystem::path& folder, Purpose purpose) {
  checkpoint::check_is_model_folder(folder);
  const std::filesystem::path config_path = folder / "config.json";
  Json json = read_json(config_path);
  const Family& family = with_context(config_path.string(), [&]() -> const Family& {
    return find_family(JsonObject(json, "top level").string("model_type"));
  });
  checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(folder);
  const auto num_tensors = static_cast<std::int64_t>(checkpoint.tensors().size());
  ModelConfig config = read_config(json, family, config_path.string(), num_tensors);
  std::vector<std::string> notes;
  const bool tied = is_head_tied(checkpoint, family.names, config.tied_embeddings);
  if (tied != config.tied_embeddings) {
    config.tied_embeddings = false;
    notes.push_back(
        concat(config_path.string(), ": tie_word_embeddings is true, but '", family.names.head,
               "' is stored with other values than '", family.names.embeddings,
               "'; the stored head is used, as transformers 5 does. Set tie_word_embeddings to false if that "
               "is meant"));
  }
  const ExpertLayout& layout = find_layout(checkpoint, family, config);
  Model model{std::move(checkpoint), std::move(json), &family, layout, std::move(config), std::move(notes)};
  check_tensors(model);
  if (const std::string unread = unread_tensors(model); !unread.empty()) {
    check(purpose == Purpose::kInspect, unread);
    model.notes.push_back(unread + ". Until then the model is neither run nor pruned");
  }
  return model;
}

Tensor stored_tensor(const checkpoint::Checkpoint& checkpoint, const std::string& name) {
  const checkpoint::TensorInfo& info = checkpoint.at(name);
  return view_bytes(checkpoint.bytes(info), info.dtype, info.shape, checkpoint.owner(info));
}

Expert stored_expert(const Model& model, std::int64_t layer, std::int64_t expert) {
  const ExpertLayout& layout = model.layout;
  const auto load = [&](const std::string& pattern) {
    return stored_tensor(model.checkpoint, fill_name(pattern, layer, expert));
  };
  if (!layout.fused) {
    Expert result;
    for_each_tensor(result, model.config, layout, layer, expert,
                    [&](Tensor& tensor, const std::string& name, const std::vector<std::int64_t>&) {
                      tensor = stored_tensor(model.checkpoint, name);
                    });
    return result;
  }
  const Tensor gate_up = load(layout.gate_up)[expert];
  const std::int64_t inner = model.config.expert_width;
  return {gate_up.narrow(0, 0, inner), gate_up.narrow(0, inner, inner), load(layout.down)[expert]};
}

std::vector<Expert> stored_experts(const Model& model, std::int64_t layer) {
  std::vector<Expert> experts;
  const std::int64_t num_experts = model.config.layers[static_cast<std::size_t>(layer)].num_experts;
  for (std::int64_t expert = 0; expert < num_experts; ++expert) experts.push_back(stored_expert(model, layer, expert));
  return experts;
}

std::string expert_dtype(const Model& model) {
  const std::vector<std::int64_t> layers = model.config.moe_layers();
  const std::string name =
      layers.empty() ? fill_name(model.family->names.dense_down, 0) : fill_name(model.layout.down, layers.front(), 0);
  return model.checkpoint.at(name).dtype;
}

std::int64_t max_positions(const Model& model) {
  if (model.config.num_positions > 0) return model.config.num_positions;
  const std::string place = (model.folder() / "config.json").string();
  const JsonObject config(model.config_json, place);
  if (!config.has("max_position_embeddings")) return 0;
  const std::int64_t positions = config.integer("max_position_embeddings");
  check(positions >= 2, place, ": max_position_embeddings is ", positions, ", expected at least 2");
  return positions;
}

}  // namespace uncurl::model
