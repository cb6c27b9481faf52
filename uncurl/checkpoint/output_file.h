// A file of known size, written in any order from any thread; space is taken when it is made, so a full disk is noticed
// before the work and not after it. It is open only while it is written to: a checkpoint may have more shards than a
// process may have open files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace uncurl::checkpoint {

class OutputFile {
 public:
  /// Creates the file and reserves its bytes (where the file system can).
  /// @throws Error naming the file and the system's reason, also if it exists already
  OutputFile(const std::filesystem::path& path, std::uint64_t num_bytes);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// Writes all of `bytes`. Threads may call it at once for ranges that do not overlap.
  /// @throws Error naming the file and the system's reason (a full disk, for one)
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes);

  /// Returns once the bytes are on the disk.
  void complete() const;

 private:
  std::filesystem::path path_;
};

}  // namespace uncurl::checkpoint
