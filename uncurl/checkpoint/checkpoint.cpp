#include "uncurl/checkpoint/checkpoint.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "uncurl/base/error.h"
#include "uncurl/base/hash.h"

namespace uncurl::checkpoint {

namespace {

constexpr std::uint64_t kFingerprintBytes = 4096;

bool name_less(const TensorInfo& info, std::string_view name) { return info.name < name; }

/// @param tensors  sorted by name
void check_distinct(const std::vector<TensorInfo>& tensors, const std::vector<CheckpointFile>& files) {
  const auto twice = std::adjacent_find(tensors.begin(), tensors.end(),
                                        [](const TensorInfo& a, const TensorInfo& b) { return a.name == b.name; });
  if (twice == tensors.end()) return;
  const auto file = [&](const TensorInfo& info) { return files[static_cast<std::size_t>(info.file)].path.string(); };
  fail("tensor '", twice->name, "' lies both in ", file(*twice), " and in ", file(*(twice + 1)),
       "; are these shards of two different saves?");
}

}  // namespace

Checkpoint Checkpoint::open(const std::filesystem::path& folder) {
  const WeightFiles weights = find_weight_files(folder);
  Checkpoint checkpoint;
  checkpoint.folder_ = folder;
  checkpoint.is_sharded_ = weights.has_index;
  for (const std::string& name : weights.names) {
    auto file = std::make_shared<const InputFile>(folder / name);
    SafetensorsFile parsed = read_safetensors_header(*file);
    for (TensorInfo& info : parsed.tensors) {
      info.file = static_cast<int>(checkpoint.files_.size());
      checkpoint.tensors_.push_back(std::move(info));
    }
    checkpoint.files_.push_back({folder / name, std::move(file), std::move(parsed.metadata)});
  }
  std::sort(checkpoint.tensors_.begin(), checkpoint.tensors_.end(),
            [](const TensorInfo& a, const TensorInfo& b) { return a.name < b.name; });
  check_distinct(checkpoint.tensors_, checkpoint.files_);

  for (const auto& [tensor, file] : weights.weight_map) {
    const TensorInfo* const info = checkpoint.find(tensor);
    if (info == nullptr || checkpoint.file_of(*info).filename() != file) {
      fail((folder / kIndexFileName).string(), ": places tensor '", tensor, "' in ", file, ", but ",
           info == nullptr ? "no shard holds it" : "it lies in " + checkpoint.file_of(*info).filename().string(),
           "; do index and shards belong to the same save?");
    }
  }
  return checkpoint;
}

const TensorInfo* Checkpoint::find(std::string_view name) const {
  const auto found = std::lower_bound(tensors_.begin(), tensors_.end(), name, name_less);
  return found != tensors_.end() && found->name == name ? &*found : nullptr;
}

const TensorInfo& Checkpoint::at(std::string_view name) const {
  if (const TensorInfo* const info = find(name)) return *info;
  // In a sorted list the names with the longest common beginning stand beside the gap.
  const auto gap = std::lower_bound(tensors_.begin(), tensors_.end(), name, name_less);
  std::string nearest;
  if (gap != tensors_.begin()) nearest += " '" + (gap - 1)->name + "'";
  if (gap != tensors_.end()) nearest += " '" + gap->name + "'";
  fail(folder_.string(), ": has no tensor '", name, "'; in order of names its neighbours would be", nearest);
}

void Checkpoint::read(const TensorInfo& info, std::uint64_t begin, std::span<std::byte> target) const {
  assert(begin <= info.num_bytes() && target.size() <= info.num_bytes() - begin);
  files_[static_cast<std::size_t>(info.file)].file->read(info.begin + begin, target);
}

std::vector<std::byte> Checkpoint::bytes(const TensorInfo& info) const {
  std::vector<std::byte> all(info.num_bytes());
  read(info, 0, all);
  return all;
}

const std::filesystem::path& Checkpoint::file_of(const TensorInfo& info) const {
  assert(info.file >= 0 && static_cast<std::size_t>(info.file) < files_.size());
  return files_[static_cast<std::size_t>(info.file)].path;
}

std::uint64_t Checkpoint::total_bytes() const {
  std::uint64_t total = 0;
  for (const TensorInfo& info : tensors_) total += info.num_bytes();
  return total;
}

std::int64_t Checkpoint::num_parameters() const {
  std::int64_t total = 0;
  for (const TensorInfo& info : tensors_) total += info.num_elements();
  return total;
}

const std::string& Checkpoint::fingerprint() const {
  std::call_once(fingerprint_->once, [&] { fingerprint_->hex = compute_fingerprint(); });
  return fingerprint_->hex;
}

std::string Checkpoint::compute_fingerprint() const {
  Hasher hasher;
  for (const TensorInfo& info : tensors_) {
    hasher.add(info.name);
    hasher.add(info.dtype);
    const std::uint64_t rank = info.shape.size();
    hasher.add(std::as_bytes(std::span(&rank, 1)));
    hasher.add(std::as_bytes(std::span(info.shape)));
    std::array<std::byte, kFingerprintBytes> buffer;
    const std::span<std::byte> part = std::span(buffer).first(std::min(kFingerprintBytes, info.num_bytes()));
    read(info, 0, part);
    hasher.add(part);
    read(info, info.num_bytes() - part.size(), part);
    hasher.add(part);
  }
  return hasher.hex();
}

}  // namespace uncurl::checkpoint
