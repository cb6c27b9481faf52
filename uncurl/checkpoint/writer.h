// Writes a checkpoint folder tensor by tensor, in any order, holding none of them: what a model larger than memory
// needs. The place of every byte is fixed by the declaration, so the files depend neither on the order of writes nor on
// threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "uncurl/checkpoint/safetensors.h"
#include "uncurl/checkpoint/shards.h"

namespace uncurl::checkpoint {

class CheckpointWriter {
 public:
  /// Creates `folder` (and its parents), lays the tensors out as `lay_out`, reserves all space and writes the headers.
  /// @param folder   must not exist, or be empty; a partial name that the caller renames after finish()
  /// @param tensors  all that will be written; with shards their order decides which share a file
  /// @throws Error as lay_out, if the folder exists and is not empty, or if the disk is too small (needed and free
  /// bytes);
  ///         the folder is gone again then
  CheckpointWriter(const std::filesystem::path& folder, std::span<const TensorSpec> tensors,
                   const WriterLayout& layout);

  /// Removes the folder with all it holds unless finish() succeeded.
  ~CheckpointWriter();
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  /// Threads may call it at once.
  /// @throws Error if the tensor was not declared, has another size than declared, was written before, or the file
  ///         cannot be written; finish() will not succeed then
  void write(const std::string& name, std::span<const std::byte> bytes);

  /// The same piece by piece, for what need not be in memory whole. @param read  fills `target` with the tensor's bytes
  /// from `begin` on
  using PieceReader = std::function<void(std::uint64_t begin, std::span<std::byte> target)>;
  void write(const std::string& name, const PieceReader& read);

  /// Returns once everything, with the index if there are several files, is on the disk. No write may be under way.
  /// @throws Error naming tensors that were not written, or the file that cannot be completed
  void finish();

  /// Removes the folder with all it holds; nothing can be written any more.
  void discard();

  std::uint64_t num_bytes() const;  ///< of all files but the index

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace uncurl::checkpoint
