#include "uncurl/model/model.h"

#include <ATen/ATen.h>

#include <cassert>
#include <optional>

#include "uncurl/base/error.h"
#include "uncurl/checkpoint/model_folder.h"
#include "uncurl/model/fit.h"
#include "uncurl/tensor/bytes.h"

namespace uncurl::model {
namespace {

Tensor empty_like(const checkpoint::TensorInfo& info, const std::vector<std::int64_t>& shape) {
  const std::optional<at::ScalarType> type = scalar_type(info.dtype);
  check(type.has_value(), "tensor '", info.name, "': dtype ", info.dtype, " cannot be computed with");
  return at::empty(shape, *type);
}

}  // namespace

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
  const Tensor tensor = empty_like(info, info.shape);
  checkpoint.read(info, 0, writable_bytes_of(tensor));
  return tensor;
}

Tensor stored_rows(const checkpoint::Checkpoint& checkpoint, const std::string& name, std::int64_t first,
                   std::int64_t count) {
  const checkpoint::TensorInfo& info = checkpoint.at(name);
  std::vector<std::int64_t> shape = info.shape;
  assert(!shape.empty() && first >= 0 && count >= 0 && first + count <= shape[0]);
  shape[0] = count;
  const Tensor rows = empty_like(info, shape);
  const std::uint64_t row_bytes = info.shape[0] == 0 ? 0 : info.num_bytes() / static_cast<std::uint64_t>(info.shape[0]);
  checkpoint.read(info, row_bytes * static_cast<std::uint64_t>(first), writable_bytes_of(rows));
  return rows;
}

Expert stored_expert(const Model& model, std::int64_t layer, std::int64_t expert) {
  const ExpertLayout& layout = model.layout;
  const auto load = [&](const std::string& pattern) {
    return stored_rows(model.checkpoint, fill_name(pattern, layer), expert, 1)[0];
  };
  if (!layout.fused) {
    Expert result;
    for_each_tensor(result, model.config, layout, layer, expert,
                    [&](Tensor& tensor, const std::string& name, const std::vector<std::int64_t>&) {
                      tensor = stored_tensor(model.checkpoint, name);
                    });
    return result;
  }
  const Tensor gate_up = load(layout.gate_up);
  const std::int64_t inner = model.config.expert_width;
  return {gate_up.narrow(0, 0, inner), gate_up.narrow(0, inner, inner), load(layout.down)};
}

std::vector<Expert> stored_experts(const Model& model, std::int64_t layer) {
  const std::int64_t num_experts = model.config.layers[static_cast<std::size_t>(layer)].num_experts;
  return stored_experts(model, layer, std::vector<bool>(static_cast<std::size_t>(num_experts), true));
}

std::vector<Expert> stored_experts(const Model& model, std::int64_t layer, const std::vector<bool>& wanted) {
  std::vector<Expert> experts(wanted.size());
  for (std::size_t expert = 0; expert < wanted.size(); ++expert) {
    if (wanted[expert]) experts[expert] = stored_expert(model, layer, static_cast<std::int64_t>(expert));
  }
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
