// Checkpoints that did not exist before: which tensors a config calls for, and a folder made of them.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/checkpoint/safetensors.h"
#include "uncurl/model/weights.h"

namespace uncurl::model {

/// Every tensor of a model: those outside the layers, then layer by layer, its experts last.
/// @param dtype  of all of them, as in a file ("F32")
std::vector<checkpoint::TensorSpec> tensor_specs(const ModelConfig& config, const Family& family,
                                                 const ExpertLayout& layout, const std::string& dtype);

/// Elements of all tensors; those of tied embeddings once.
std::int64_t count_parameters(const ModelConfig& config, const Family& family);

/// Elements of one routed expert of a layer, its biases included, its row of the router not.
std::int64_t count_expert_parameters(const ModelConfig& config);

/// The files of a folder that make its tokenizer, sorted. @throws Error if there is none
std::vector<std::filesystem::path> tokenizer_files(const std::filesystem::path& folder);

struct NewCheckpoint {
  Json config;          ///< config.json; what transformers needs to find the code of the family is added
  ExpertLayout layout;  ///< one of the family's
  at::ScalarType dtype = at::kFloat;
  std::vector<std::filesystem::path> files;      ///< copied as they are: tokenizer, licence ...
  std::optional<std::uint64_t> max_shard_bytes;  ///< absent: one file
};

/// Writes weights, config, the files to copy and, where transformers does not know the family, the code that it needs.
/// @param folder     must not exist or be empty: a partial name that the caller renames
/// @param tensor_of  by name, in any floating dtype and the shape of tensor_specs; asked for each once, in their order
/// @throws Error as CheckpointWriter, as read_config for the config, and naming a tensor of another shape
void create_checkpoint(const std::filesystem::path& folder, const NewCheckpoint& made,
                       const std::function<Tensor(const std::string& name)>& tensor_of);

}  // namespace uncurl::model
