#include "uncurl/model/model.h"

#include <ATen/ATen.h>

#include "uncurl/base/error.h"
#include "uncurl/base/join.h"
#include "uncurl/base/open_file.h"
#include "uncurl/tensor/bytes.h"
#include "uncurl/tensor/shape.h"

namespace uncurl::model {
namespace {

using checkpoint::Checkpoint;
using checkpoint::TensorInfo;

const ExpertLayout& find_layout(const Checkpoint& checkpoint, const Family& family, std::int64_t layer) {
  std::vector<std::string> expected;
  for (const ExpertLayout& layout : family.layouts) {
    const std::string router = fill_name(layout.router, layer), down = fill_name(layout.down, layer, 0);
    if (checkpoint.find(router) != nullptr && checkpoint.find(down) != nullptr) return layout;
    expected.push_back("'" + router + "' with '" + down + "'");
  }
  fail(checkpoint.folder().string(), ": found no experts of family ", family.model_type, " in layer ", layer,
       "; expected tensors ", join(expected, " or "));
}

void expect_tensor(const Checkpoint& checkpoint, const std::string& name, const std::vector<std::int64_t>& shape) {
  const TensorInfo& info = checkpoint.at(name);
  const std::filesystem::path& file = checkpoint.files()[static_cast<std::size_t>(info.file)].path;
  check(info.shape == shape, file.string(), ": tensor '", name, "' is ", shape_text(info.shape),
        ", but config.json implies ", shape_text(shape),
        "; was the config changed, or the checkpoint pruned by a tool that left it as it was?");
  check(scalar_type(info.dtype).has_value() && at::isFloatingType(*scalar_type(info.dtype)), file.string(),
        ": tensor '", name, "' has dtype ", info.dtype,
        "; this program computes with BF16, F16 and F32. Expand it to BF16 first");
}

void check_tensors(const Model& model) {
  const Checkpoint& checkpoint = model.checkpoint;
  const ModelConfig& config = model.config;
  const TensorVisitor expect = [&](Tensor&, const std::string& name, const std::vector<std::int64_t>& shape) {
    expect_tensor(checkpoint, name, shape);
  };
  OuterWeights outer;
  for_each_outer_tensor(outer, config, *model.family, expect);
  LayerWeights unused;
  for (std::int64_t layer = 0; layer < config.num_layers(); ++layer) {
    for_each_tensor(unused, config, *model.family, model.layout, layer, expect);
    const std::int64_t num_experts = config.layers[static_cast<std::size_t>(layer)].num_experts;
    if (num_experts == 0) continue;
    for (const ExpertTensor& tensor : expert_tensors(config, model.layout, layer, num_experts)) {
      expect_tensor(checkpoint, tensor.name, tensor.shape);
    }
    const std::string beyond = fill_name(model.layout.down, layer, num_experts);
    check(model.layout.fused || checkpoint.find(beyond) == nullptr, checkpoint.folder().string(), ": config.json says ",
          num_experts, " experts, but there is also '", beyond, "'");
  }
}

}  // namespace

Model open_model(const std::filesystem::path& folder) {
  const std::filesystem::path config_path = folder / "config.json";
  check(std::filesystem::is_directory(folder), folder.string(),
        ": no such folder; expected a Hugging Face checkpoint folder");
  check(has_entry(config_path), config_path.string(),
        ": missing; expected a Hugging Face checkpoint folder with config.json and *.safetensors");
  Json json = read_json(config_path);
  const Family& family = with_context(config_path.string(), [&]() -> const Family& {
    return find_family(JsonObject(json, "top level").string("model_type"));
  });
  ModelConfig config = read_config(json, family, config_path.string());
  Checkpoint checkpoint = Checkpoint::open(folder);
  const std::vector<std::int64_t> moe_layers = config.moe_layers();
  ExpertLayout layout =
      moe_layers.empty() ? family.layouts.front() : find_layout(checkpoint, family, moe_layers.front());
  Model model{std::move(checkpoint), std::move(json), &family, std::move(layout), std::move(config)};
  check_tensors(model);
  return model;
}

Tensor stored_tensor(const Checkpoint& checkpoint, const std::string& name) {
  const TensorInfo& info = checkpoint.at(name);
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

}  // namespace uncurl::model
