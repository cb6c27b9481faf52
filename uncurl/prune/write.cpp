#include "uncurl/prune/write.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <set>

#include "uncurl/base/error.h"
#include "uncurl/base/hash.h"
#include "uncurl/checkpoint/dtype.h"
#include "uncurl/checkpoint/like.h"
#include "uncurl/checkpoint/writer.h"
#include "uncurl/prune/merge.h"
#include "uncurl/prune/pruneable.h"
#include "uncurl/prune/routers/table.h"
#include "uncurl/tensor/bytes.h"

namespace uncurl::prune {
namespace {

using checkpoint::TensorInfo;
using checkpoint::TensorSpec;

/// Names of a layer's router and, where the family has one, its correction bias: a row or an entry for each expert.
std::vector<std::string> router_names(const model::Model& model, std::int64_t layer) {
  std::vector<std::string> names = {model::fill_name(model.layout.router, layer)};
  const std::string& bias = model.family->names.correction_bias;
  if (!bias.empty()) names.push_back(model::fill_name(bias, layer));
  return names;
}

/// New spec of every stored tensor that pruning touches, by name; a tensor that disappears has none.
std::map<std::string, std::optional<TensorSpec>> touched_tensors(const model::Model& model,
                                                                 const std::vector<std::int64_t>& experts_of_layer) {
  std::map<std::string, std::optional<TensorSpec>> touched;
  for (const std::int64_t layer : model.config.moe_layers()) {
    const std::int64_t after = experts_of_layer[static_cast<std::size_t>(layer)];
    for (const TensorInfo* info : routed_tensors(model, layer)) touched[info->name] = std::nullopt;
    for (const model::ExpertTensor& tensor : expert_tensors(model.config, model.layout, layer, after)) {
      touched[tensor.name] = TensorSpec{tensor.name, model.checkpoint.at(tensor.name).dtype, tensor.shape};
    }
    for (const std::string& name : router_names(model, layer)) {
      TensorSpec spec = model.checkpoint.at(name).spec();
      spec.shape[0] = after;
      touched[name] = spec;
    }
  }
  return touched;
}

/// Where tensors go, and what is remembered of them.
struct Output {
  checkpoint::CheckpointWriter& writer;
  TensorHashes& hashes;

  void write(const std::string& name, const Tensor& tensor) const {
    const Tensor contiguous = tensor.contiguous();
    Hasher hasher;
    hasher.add(bytes_of(contiguous));
    hashes[name] = hasher.hex();
    writer.write(name, bytes_of(contiguous));
  }

  void copy(const checkpoint::Checkpoint& original, const TensorInfo& info) const {
    Hasher hasher;
    checkpoint::copy_tensor(original, info, writer, &hasher);
    hashes[info.name] = hasher.hex();
  }
};

void write_layer(const model::Model& model, const LayerPlan& layer, const PrunedLayer& pruned, const Output& output) {
  const auto write = [&](const std::string& pattern, const Tensor& tensor) {
    output.write(model::fill_name(pattern, layer.layer), tensor);
  };
  const model::ExpertLayout& layout = model.layout;
  write(layout.router, pruned.router);
  if (pruned.correction_bias.defined()) write(model.family->names.correction_bias, pruned.correction_bias);
  if (layout.fused) {
    std::vector<Tensor> gate_up, down;
    for (const Expert& expert : pruned.experts) {
      gate_up.push_back(at::cat({expert.gate, expert.up}));
      down.push_back(expert.down);
    }
    write(layout.gate_up, at::stack(gate_up));
    write(layout.down, at::stack(down));
    return;
  }
  for (std::size_t e = 0; e < pruned.experts.size(); ++e) {
    Expert expert = pruned.experts[e];
    for_each_tensor(expert, model.config, layout, layer.layer, static_cast<std::int64_t>(e),
                    [&](const Tensor& tensor, const std::string& name, const std::vector<std::int64_t>&) {
                      output.write(name, tensor);
                    });
  }
}

}  // namespace

std::vector<const TensorInfo*> routed_tensors(const model::Model& model, std::int64_t layer) {
  std::vector<const TensorInfo*> infos;
  for (const std::string& name : router_names(model, layer)) infos.push_back(&model.checkpoint.at(name));
  const std::int64_t num_experts = model.config.layers[static_cast<std::size_t>(layer)].num_experts;
  for (const model::ExpertTensor& tensor : expert_tensors(model.config, model.layout, layer, num_experts)) {
    infos.push_back(&model.checkpoint.at(tensor.name));
  }
  return infos;
}

std::set<std::string> routed_tensor_names(const model::Model& model) {
  std::set<std::string> names;
  for (const std::int64_t layer : model.config.moe_layers()) {
    for (const TensorInfo* info : routed_tensors(model, layer)) names.insert(info->name);
  }
  return names;
}

Json config_after(const model::Model& model, const Plan& plan) {
  return model::with_num_experts(model.config_json, *model.family, experts_after(plan, model.config));
}

std::vector<TensorSpec> tensors_after(const model::Model& model, const Plan& plan) {
  return tensors_after(model, experts_after(plan, model.config));
}

std::vector<TensorSpec> tensors_after(const model::Model& model, const std::vector<std::int64_t>& experts_of_layer) {
  const std::map<std::string, std::optional<TensorSpec>> touched = touched_tensors(model, experts_of_layer);
  std::vector<TensorSpec> specs;
  for (const TensorInfo* info : checkpoint::in_file_order(model.checkpoint)) {
    const auto found = touched.find(info->name);
    if (found == touched.end()) {
      specs.push_back(info->spec());
    } else if (found->second) {
      specs.push_back(*found->second);
    }
  }
  return specs;
}

std::int64_t num_parameters(const std::vector<TensorSpec>& tensors) {
  std::int64_t total = 0;
  for (const TensorSpec& tensor : tensors) total += checkpoint::count_elements(tensor.shape);
  return total;
}

std::uint64_t num_bytes(const std::vector<TensorSpec>& tensors) {
  std::uint64_t total = 0;
  for (const TensorSpec& tensor : tensors) total += checkpoint::count_bytes(tensor.dtype, tensor.shape);
  return total;
}

TensorHashes write_checkpoint(const model::Model& model, const Plan& plan, const std::vector<LayerSummary>& layers,
                              const std::filesystem::path& folder, const Listener& listener) {
  check_pruneable(model);
  for (const LayerPlan& layer : plan.layers) check_can_be_written(find_router_rule(layer.router));
  const std::vector<TensorSpec> specs = tensors_after(model, plan);
  checkpoint::CheckpointWriter writer(folder, specs, checkpoint::layout_like(model.checkpoint));
  TensorHashes hashes;
  const Output output{writer, hashes};
  const auto total = static_cast<std::int64_t>(plan.layers.size());
  for (std::size_t i = 0; i < plan.layers.size(); ++i) {
    write_layer(model, plan.layers[i], prune_layer(model, plan, plan.layers[i], layers[i]), output);
    listener.progress({"writing experts", "layers", static_cast<std::int64_t>(i) + 1, total});
  }
  const std::set<std::string> routed = routed_tensor_names(model);
  for (const TensorInfo* info : checkpoint::in_file_order(model.checkpoint)) {
    if (!routed.contains(info->name)) output.copy(model.checkpoint, *info);
  }
  checkpoint::copy_other_files(model.checkpoint, folder, {"config.json", "plan.json", "result.json"}, listener);
  write_json(folder / "config.json", config_after(model, plan));
  writer.finish();
  return hashes;
}

}  // namespace uncurl::prune
