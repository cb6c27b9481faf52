#include "uncurl/checkpoint/checkpoint.h"

#include <algorithm>
#include <cassert>
#include <tuple>

#include "uncurl/base/error.h"
#include "uncurl/base/hash.h"

namespace uncurl::checkpoint {

namespace {

constexpr std::uint64_t kFingerprintBytes = 4096;

bool name_less(const TensorInfo& info, std::string_view name) { return info.name < name; }

struct ByteRange {
  int file;
  std::uint64_t begin, end;
};

/// Sorted, and joined where they touch: one hint instead of a hundred, and no shared page left behind by `release`.
std::vector<ByteRange> joined(std::vector<ByteRange> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const ByteRange& a, const ByteRange& b) {
    return std::tie(a.file, a.begin, a.end) < std::tie(b.file, b.begin, b.end);
  });
  std::vector<ByteRange> result;
  for (const ByteRange& range : ranges) {
    if (!result.empty() && result.back().file == range.file && range.begin <= result.back().end) {
      result.back().end = std::max(result.back().end, range.end);
    } else {
      result.push_back(range);
    }
  }
  return result;
}

std::vector<ByteRange> joined_ranges(std::span<const TensorInfo* const> infos) {
  std::vector<ByteRange> ranges;
  for (const TensorInfo* const info : infos) ranges.push_back({info->file, info->begin, info->end});
  return joined(std::move(ranges));
}

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
    auto mapping = std::make_shared<const MappedFile>(folder / name);
    SafetensorsFile parsed = parse_safetensors_header(mapping->bytes(), mapping->path().string());
    for (TensorInfo& info : parsed.tensors) {
      info.file = static_cast<int>(checkpoint.files_.size());
      checkpoint.tensors_.push_back(std::move(info));
    }
    checkpoint.files_.push_back({folder / name, std::move(mapping), std::move(parsed.metadata)});
  }
  std::sort(checkpoint.tensors_.begin(), checkpoint.tensors_.end(),
            [](const TensorInfo& a, const TensorInfo& b) { return a.name < b.name; });
  check_distinct(checkpoint.tensors_, checkpoint.files_);

  for (const auto& [tensor, file] : weights.weight_map) {
    const TensorInfo* const info = checkpoint.find(tensor);
    if (info == nullptr || checkpoint.owner(*info)->path().filename() != file) {
      fail((folder / kIndexFileName).string(), ": places tensor '", tensor, "' in ", file, ", but ",
           info == nullptr ? "no shard holds it" : "it lies in " + checkpoint.owner(*info)->path().filename().string(),
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

std::span<const std::byte> Checkpoint::bytes(const TensorInfo& info) const {
  return owner(info)->bytes().subspan(info.begin, info.num_bytes());
}

std::shared_ptr<const MappedFile> Checkpoint::owner(const TensorInfo& info) const {
  assert(info.file >= 0 && static_cast<std::size_t>(info.file) < files_.size());
  return files_[static_cast<std::size_t>(info.file)].mapping;
}

void Checkpoint::will_need(std::span<const TensorInfo* const> infos) const {
  for (const ByteRange& range : joined_ranges(infos)) {
    files_[static_cast<std::size_t>(range.file)].mapping->will_need(range.begin, range.end);
  }
}

void Checkpoint::release(std::span<const TensorInfo* const> infos) const {
  for (const ByteRange& range : joined_ranges(infos)) {
    files_[static_cast<std::size_t>(range.file)].mapping->release(range.begin, range.end);
  }
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
  // Ask for exactly the bytes that follow: a page fault would read 128 KiB around each.
  std::vector<ByteRange> ends;
  for (const TensorInfo& info : tensors_) {
    const std::uint64_t size = std::min(kFingerprintBytes, info.num_bytes());
    ends.push_back({info.file, info.begin, info.begin + size});
    ends.push_back({info.file, info.end - size, info.end});
  }
  for (const ByteRange& range : joined(std::move(ends))) {
    files_[static_cast<std::size_t>(range.file)].mapping->will_need(range.begin, range.end);
  }

  Hasher hasher;
  for (const TensorInfo& info : tensors_) {
    hasher.add(info.name);
    hasher.add(info.dtype);
    const std::uint64_t rank = info.shape.size();
    hasher.add(std::as_bytes(std::span(&rank, 1)));
    hasher.add(std::as_bytes(std::span(info.shape)));
    const std::span<const std::byte> all = bytes(info);
    const std::size_t size = std::min<std::size_t>(kFingerprintBytes, all.size());
    hasher.add(all.first(size));
    hasher.add(all.last(size));
  }
  return hasher.hex();
}

}  // namespace uncurl::checkpoint
