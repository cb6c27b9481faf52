// Whole files, read at once or mapped. Those who read files mostly write some: write_file.h comes with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "uncurl/base/write_file.h"

namespace uncurl {

/// @throws Error naming the file and the system's reason
std::string read_text(const std::filesystem::path& path);

/// A file mapped read-only. Views of it must not outlive it, which is why it travels as a shared_ptr.
class MappedFile {
 public:
  /// @throws Error naming the file and the system's reason
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

  /// Hints to the kernel for a byte range: read it soon; its pages are no longer needed (they stay readable).
  void will_need(std::size_t begin, std::size_t end) const;
  void release(std::size_t begin, std::size_t end) const;

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace uncurl
