#include "uncurl/train/output.h"

#include <ATen/ATen.h>

#include <map>

#include "uncurl/checkpoint/like.h"
#include "uncurl/checkpoint/writer.h"
#include "uncurl/model/create.h"
#include "uncurl/tensor/bytes.h"

namespace uncurl::train {
namespace {

using checkpoint::TensorInfo;
using checkpoint::TensorSpec;

at::ScalarType wanted_dtype(const std::string& dtype, at::ScalarType stored) {
  if (dtype == "stored") return stored;
  return dtype == "bf16" ? at::kBFloat16 : at::kFloat;
}

/// By the name of every tensor in the checkpoint that is a weight of the model, the name of what is trained: itself, or
/// of a tied head that is stored all the same the embeddings.
std::map<std::string, std::string> trained_names(const model::Model& model) {
  std::map<std::string, std::string> names;
  const model::TensorNames& own = model.family->names;
  for (const TensorSpec& spec : tensor_specs(model.config, *model.family, model.layout, "F32")) {
    names.emplace(spec.name, spec.name);
  }
  if (model.config.tied_embeddings) names.emplace(own.head, own.embeddings);
  return names;
}

}  // namespace

void write_like(const model::Model& model, ModelWeights& weights, const std::string& dtype,
                const std::filesystem::path& folder, const Listener& listener) {
  const std::map<std::string, std::string> ours = trained_names(model);
  const std::vector<const TensorInfo*> infos = checkpoint::in_file_order(model.checkpoint);
  std::vector<TensorSpec> specs;
  for (const TensorInfo* info : infos) {
    specs.push_back(info->spec());
    if (ours.contains(info->name)) specs.back().dtype = dtype_name(wanted_dtype(dtype, *scalar_type(info->dtype)));
  }
  checkpoint::CheckpointWriter writer(folder, specs, checkpoint::layout_like(model.checkpoint));
  const std::function<Tensor(const std::string&)> tensor_of = stored_tensors(weights);
  for (std::size_t i = 0; i < infos.size(); ++i) {
    const auto trained = ours.find(infos[i]->name);
    if (trained == ours.end()) {
      checkpoint::copy_tensor(model.checkpoint, *infos[i], writer);
      continue;
    }
    const Tensor stored = tensor_of(trained->second).to(*scalar_type(specs[i].dtype)).contiguous();
    writer.write(infos[i]->name, bytes_of(stored));
  }
  checkpoint::copy_other_files(model.checkpoint, folder, {"config.json", "train.json", "log.jsonl"}, listener);
  Json config = model.config_json;
  if (dtype != "stored") {
    const char* const key = config.contains("torch_dtype") ? "torch_dtype" : "dtype";
    config[key] = dtype == "bf16" ? "bfloat16" : "float32";
  }
  write_json(folder / "config.json", config);
  writer.finish();
}

void write_new(const ModelSource& source, ModelWeights& weights, const std::string& dtype,
               const std::filesystem::path& folder) {
  model::create_checkpoint(folder,
                           {.config = source.config,
                            .layout = weights.layout,
                            .dtype = wanted_dtype(dtype, at::kFloat),
                            .files = model::tokenizer_files(source.tokenizer),
                            .max_shard_bytes = std::nullopt},
                           stored_tensors(weights));
}

}  // namespace uncurl::train
