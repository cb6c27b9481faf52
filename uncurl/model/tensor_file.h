// A handful of named tensors with metadata in one safetensors file: statistics, saved states, test outputs.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "uncurl/base/json.h"

namespace uncurl::model {

using at::Tensor;

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

/// Written as write_file does. `metadata` is any JSON object; it is stored as text under one key, with U+FFFD for bytes
/// of its strings that are not valid UTF-8 (a path may hold any).
void write_tensor_file(const std::filesystem::path& path, const NamedTensors& tensors, const Json& metadata);

struct TensorFile {
  std::map<std::string, Tensor> tensors;
  Json metadata;

  /// @throws Error if there is no such tensor
  const Tensor& at(const std::string& name) const;
};

/// @throws Error naming the file for anything that is not such a file
TensorFile read_tensor_file(const std::filesystem::path& path);

}  // namespace uncurl::model
