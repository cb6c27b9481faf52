#include "uncurl/model/create.h"

#include <ATen/ATen.h>

#include <set>

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"
#include "uncurl/checkpoint/dtype.h"
#include "uncurl/checkpoint/folder.h"
#include "uncurl/checkpoint/writer.h"
#include "uncurl/tensor/bytes.h"
#include "uncurl/tensor/shape.h"

namespace uncurl::model {
namespace {

/// As transformers writes them.
const char* config_dtype(at::ScalarType dtype) {
  if (dtype == at::kBFloat16) return "bfloat16";
  return dtype == at::kHalf ? "float16" : "float32";
}

Json completed_config(Json config, const RemoteCode& code, at::ScalarType dtype) {
  config["dtype"] = config_dtype(dtype);
  config.erase("torch_dtype");
  if (code.files.empty()) return config;
  config["architectures"] = {code.architecture};
  config["auto_map"] = code.auto_map;
  return config;
}

}  // namespace

std::vector<checkpoint::TensorSpec> tensor_specs(const ModelConfig& config, const Family& family,
                                                 const ExpertLayout& layout, const std::string& dtype) {
  std::vector<checkpoint::TensorSpec> specs;
  const TensorVisitor add = [&](Tensor&, const std::string& name, const std::vector<std::int64_t>& shape) {
    specs.push_back({name, dtype, shape});
  };
  OuterWeights outer;
  for_each_outer_tensor(outer, config, family, add);
  LayerWeights unused;
  for (std::int64_t layer = 0; layer < config.num_layers(); ++layer) {
    for_each_tensor(unused, config, family, layout, layer, add);
    const std::int64_t num_experts = config.layers[static_cast<std::size_t>(layer)].num_experts;
    if (num_experts == 0) continue;
    for (const ExpertTensor& tensor : expert_tensors(config, layout, layer, num_experts)) {
      specs.push_back({tensor.name, dtype, tensor.shape});
    }
  }
  return specs;
}

std::int64_t count_parameters(const ModelConfig& config, const Family& family) {
  std::int64_t total = 0;
  for (const checkpoint::TensorSpec& spec : tensor_specs(config, family, family.layouts.front(), "F32")) {
    total += checkpoint::count_elements(spec.shape);
  }
  return total;
}

std::int64_t count_expert_parameters(const ModelConfig& config) {
  const std::int64_t matrix = config.hidden_size * config.expert_width;
  return config.gated_mlp ? 3 * matrix : 2 * matrix + config.expert_width + config.hidden_size;
}

namespace {

/// Names that transformers and the tokenizers it can load look for, also those that only older tokenizers have.
bool belongs_to_tokenizer(const std::filesystem::path& file) {
  static const std::set<std::string> kNames = {"added_tokens.json", "chat_template.jinja", "chat_template.json",
                                               "encoder.json",      "merges.txt",          "tekken.json",
                                               "tokenizer.json",    "vocab.bpe",           "special_tokens_map.json",
                                               "vocab.json",        "vocab.txt",           "tokenizer_config.json"};
  const std::string name = file.filename().string(), extension = file.extension().string();
  const bool code = name.starts_with("tokenization_") && extension == ".py";
  const bool is_template = checkpoint::name_in_copy(file).has_parent_path();
  return kNames.contains(name) || is_template || code || extension == ".model" || extension == ".tiktoken" ||
         name.find(".model.v") != std::string::npos;
}

}  // namespace

std::vector<std::filesystem::path> tokenizer_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const std::filesystem::path& file : checkpoint::find_other_files(folder).carried) {
    if (belongs_to_tokenizer(file)) files.push_back(file);
  }
  check(!files.empty(), folder.string(),
        ": no tokenizer; expected one or more of the files that AutoTokenizer.save_pretrained writes (tokenizer.json, "
        "tokenizer_config.json, vocab.json with merges.txt, tokenizer.model)");
  return files;
}

void create_checkpoint(const std::filesystem::path& folder, const NewCheckpoint& made,
                       const std::function<Tensor(const std::string& name)>& tensor_of) {
  const Family& family = find_family(JsonObject(made.config, "config").string("model_type"));
  const Json json = completed_config(made.config, family.remote_code, made.dtype);
  const ModelConfig config = read_config(json, family, "config");
  const std::vector<checkpoint::TensorSpec> specs = tensor_specs(config, family, made.layout, dtype_name(made.dtype));
  checkpoint::CheckpointWriter writer(folder, specs, {.max_shard_bytes = made.max_shard_bytes});
  for (const checkpoint::TensorSpec& spec : specs) {
    const Tensor tensor = tensor_of(spec.name);
    expect_shape(tensor, spec.shape, "tensor '" + spec.name + "'");
    const Tensor stored = tensor.detach().to(at::kCPU, made.dtype).contiguous();
    writer.write(spec.name, bytes_of(stored));
  }
  for (const std::filesystem::path& file : made.files) {
    const std::filesystem::path target = folder / checkpoint::name_in_copy(file);
    std::filesystem::create_directories(target.parent_path());
    copy_to(file, target);
  }
  for (const RemoteCode::File& file : family.remote_code.files) write_text(folder / file.name, file.text);
  write_json(folder / "config.json", json);
  writer.finish();
}

}  // namespace uncurl::model
