// Whole files: read, and written beside the target then renamed, so that a crash leaves the old or the new, never half.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace uncurl {

/// @throws Error naming the file and the system's reason
std::string read_text(const std::filesystem::path& path);
void write_text(const std::filesystem::path& path, std::string_view text);

/// The same for what `write` puts into the stream. Whatever fails, `write` itself included, leaves the old file as it
/// was and nothing beside it.
void write_file(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write);

/// The name under which a file is written before it is renamed: in the same folder, so that the rename is atomic.
std::filesystem::path partial_name(const std::filesystem::path& path);

/// @param path  of what will be written; it need not exist, its folder must
/// @throws Error with the bytes needed and free, if its disk has fewer than `num_bytes` free
void check_space(const std::filesystem::path& path, std::uint64_t num_bytes);

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
