// A file that is read in pieces and stays open. Nothing is mapped: a file that shrinks, or a disk that fails, while it
// is read gives an Error that names it, where a mapping would end the process by SIGBUS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>

namespace uncurl {

/// What is read at once where nothing needs the whole: large enough that a disk reads ahead, small beside any memory.
inline constexpr std::size_t kPieceBytes = std::size_t{4} << 20;

/// Any number of threads may read it at once.
class InputFile {
 public:
  /// @throws Error as open_to_read
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const { return size_; }  ///< when it was opened

  /// Fills `target` with the bytes from `begin` on, which must lie within size().
  /// @throws Error naming the file, if it has become shorter or cannot be read
  void read(std::uint64_t begin, std::span<std::byte> target) const;

  /// Calls `use` with one piece after the other, all of them together being the whole file.
  void for_each_piece(const std::function<void(std::span<const std::byte>)>& use) const;

 private:
  [[noreturn]] void fail_as_shorter() const;

  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace uncurl
