// Which tensor goes where in the files of a new checkpoint: the names, the split and the order of bytes that Hugging
// Face's own writers choose, so that equal tensors give equal files there and here.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "uncurl/base/json.h"
#include "uncurl/checkpoint/safetensors.h"

namespace uncurl::checkpoint {

struct WriterLayout {
  std::optional<std::uint64_t> max_shard_bytes;  ///< of tensors in one file; absent: one file, whatever its size
  Json metadata = {{"format", "pt"}};            ///< an object of strings, repeated in every file
};

struct Shard {
  std::string file_name;
  std::string header;               ///< the bytes before the first tensor
  std::vector<TensorSpec> tensors;  ///< in the order of their bytes
  std::uint64_t num_bytes = 0;      ///< of the whole file
};

/// Splits as huggingface_hub does: tensors in the given order, a new file where the next would exceed the limit, a
/// tensor above the limit in a file of its own. Inside a file large element types come first, then names in order, so
/// that every tensor is aligned. A single file is model.safetensors, several are model-00001-of-0000N.safetensors.
/// @throws Error if there are no tensors, the limit is zero, or as safetensors_header; names are unique over all files
std::vector<Shard> lay_out(std::span<const TensorSpec> tensors, const WriterLayout& layout);

/// Text of model.safetensors.index.json, as transformers 5 writes it: keys sorted, metadata with the bytes (total_size)
/// and elements (total_parameters) of all tensors.
std::string index_text(std::span<const Shard> shards);

}  // namespace uncurl::checkpoint
