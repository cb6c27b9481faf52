// A model folder as one map from tensor name to bytes, whatever the number of files. Everything is checked when it is
// opened; nothing is read before it is asked for, so a checkpoint larger than memory opens in a moment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "uncurl/base/input_file.h"
#include "uncurl/base/json.h"
#include "uncurl/checkpoint/folder.h"
#include "uncurl/checkpoint/safetensors.h"

namespace uncurl::checkpoint {

struct CheckpointFile {
  std::filesystem::path path;
  std::shared_ptr<const InputFile> file;
  Json metadata;  ///< an object of strings, often {"format": "pt"}
};

/// Immutable once opened, so any number of threads may read it.
class Checkpoint {
 public:
  /// Opens all weight files and checks all headers. The index has to agree with the files: a tensor is where the index
  /// says. A tensor that lies in a shard but not in the index is a tensor like any other, as it is for transformers.
  /// @throws Error as find_weight_files and parse_safetensors_header, if the index places a tensor in a file that does
  ///         not hold it, or if two files hold the same tensor
  static Checkpoint open(const std::filesystem::path& folder);

  const std::filesystem::path& folder() const { return folder_; }
  bool is_sharded() const { return is_sharded_; }  ///< has an index
  const std::vector<CheckpointFile>& files() const { return files_; }
  const std::vector<TensorInfo>& tensors() const { return tensors_; }  ///< sorted by name

  /// nullptr if there is none.
  const TensorInfo* find(std::string_view name) const;
  /// @throws Error naming the folder and the nearest names
  const TensorInfo& at(std::string_view name) const;

  /// Reads bytes of a tensor, counted from its first, into `target`; they must lie within it.
  /// @throws Error naming the file, if it has become shorter or cannot be read
  void read(const TensorInfo& info, std::uint64_t begin, std::span<std::byte> target) const;

  /// All of them, in memory of their own: for tensors that are small, and tests.
  std::vector<std::byte> bytes(const TensorInfo& info) const;

  const std::filesystem::path& file_of(const TensorInfo& info) const;

  std::uint64_t total_bytes() const;    ///< of all tensors, without headers
  std::int64_t num_parameters() const;  ///< elements of all tensors as stored: a packed format counts its containers

  /// Recognises the weights: XXH3-128 over name, dtype, shape and the first and last 4 KiB of the bytes of every tensor
  /// in order of name. The same for one file or many. It does not see a change in the middle of a tensor, which is the
  /// price for reading 8 KiB a tensor instead of everything. Computed once.
  const std::string& fingerprint() const;

  /// What else a copy of the model needs, as find_other_files.
  OtherFiles other_files() const { return find_other_files(folder_); }

 private:
  Checkpoint() = default;
  std::string compute_fingerprint() const;

  struct Fingerprint {
    std::once_flag once;
    std::string hex;
  };

  std::filesystem::path folder_;
  bool is_sharded_ = false;
  std::vector<CheckpointFile> files_;
  std::vector<TensorInfo> tensors_;
  std::shared_ptr<Fingerprint> fingerprint_ = std::make_shared<Fingerprint>();
};

}  // namespace uncurl::checkpoint
