#include "uncurl/checkpoint/shards.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "uncurl/base/error.h"
#include "uncurl/checkpoint/dtype.h"
#include "uncurl/checkpoint/folder.h"

namespace uncurl::checkpoint {

namespace {

std::uint64_t checked_bytes(const TensorSpec& tensor) {
  return with_context("tensor '" + tensor.name + "'", [&] { return count_bytes(tensor.dtype, tensor.shape); });
}

void check_unique(std::span<const TensorSpec> tensors) {
  std::set<std::string_view> names;
  for (const TensorSpec& tensor : tensors) {
    if (!names.insert(tensor.name).second) fail("tensor '", tensor.name, "' is declared twice");
  }
}

std::vector<std::vector<TensorSpec>> split(std::span<const TensorSpec> tensors, std::uint64_t max_bytes) {
  std::vector<std::vector<TensorSpec>> parts;
  std::vector<TensorSpec> open;
  std::uint64_t open_bytes = 0;
  for (const TensorSpec& tensor : tensors) {
    const std::uint64_t bytes = checked_bytes(tensor);
    if (bytes > max_bytes) {
      parts.push_back({tensor});  // before the open part: this decides the numbers of the files
      continue;
    }
    if (bytes > max_bytes - open_bytes) {
      parts.push_back(std::exchange(open, {}));
      open_bytes = 0;
    }
    open.push_back(tensor);
    open_bytes += bytes;
  }
  if (!open.empty()) parts.push_back(std::move(open));
  return parts;
}

std::string shard_name(std::size_t number, std::size_t count) {
  if (count == 1) return kSingleFileName;
  char name[64];
  std::snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", number, count);
  return name;
}

}  // namespace

std::vector<Shard> lay_out(std::span<const TensorSpec> tensors, const WriterLayout& layout) {
  check(!tensors.empty(), "a checkpoint needs at least one tensor, none is declared");
  check(layout.max_shard_bytes.value_or(1) > 0, "max_shard_bytes should be at least 1, found 0");
  check_unique(tensors);

  std::vector<std::vector<TensorSpec>> parts;
  if (layout.max_shard_bytes) {
    parts = split(tensors, *layout.max_shard_bytes);
  } else {
    parts.emplace_back(tensors.begin(), tensors.end());
  }

  std::vector<Shard> shards;
  for (std::vector<TensorSpec>& part : parts) {
    std::sort(part.begin(), part.end(), [](const TensorSpec& a, const TensorSpec& b) {
      const Dtype* const type_a = find_dtype(a.dtype);  // pointers into one table, which is in ascending order of size
      const Dtype* const type_b = find_dtype(b.dtype);
      return type_a != type_b ? type_a > type_b : a.name < b.name;
    });
    Shard shard{.file_name = shard_name(shards.size() + 1, parts.size()),
                .header = safetensors_header(part, layout.metadata),
                .tensors = std::move(part)};
    shard.num_bytes = shard.header.size();
    for (const TensorSpec& tensor : shard.tensors) shard.num_bytes += checked_bytes(tensor);
    shards.push_back(std::move(shard));
  }
  return shards;
}

std::string index_text(std::span<const Shard> shards) {
  nlohmann::json index;  // sorted, as Python's sort_keys
  std::uint64_t total_bytes = 0;
  std::int64_t total_elements = 0;
  for (const Shard& shard : shards) {
    total_bytes += shard.num_bytes - shard.header.size();
    for (const TensorSpec& tensor : shard.tensors) {
      total_elements += count_elements(tensor.shape);
      index["weight_map"][tensor.name] = shard.file_name;
    }
  }
  index["metadata"] = {{"total_parameters", total_elements}, {"total_size", total_bytes}};
  return index.dump(2, ' ', /*ensure_ascii=*/true) + "\n";
}

}  // namespace uncurl::checkpoint
