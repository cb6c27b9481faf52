#include "uncurl/checkpoint/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "uncurl/base/error.h"

namespace uncurl::checkpoint {

namespace {

/// fallocate, not posix_fallocate: that one writes every block where the file system cannot reserve.
int reserve(int descriptor, std::uint64_t num_bytes) {
  const auto size = static_cast<off_t>(num_bytes);
  if (size == 0 || ::fallocate(descriptor, 0, 0, size) == 0) return 0;
  if (errno != EOPNOTSUPP && errno != ENOSYS) return errno;
  return ::ftruncate(descriptor, size) == 0 ? 0 : errno;
}

}  // namespace

OutputFile::OutputFile(const std::filesystem::path& path, std::uint64_t num_bytes) : path_(path) {
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  check(descriptor_ >= 0, path.string(), ": cannot be created: ", std::strerror(errno));
  const int error = reserve(descriptor_, num_bytes);
  if (error != 0) {
    ::close(descriptor_);
    fail(path.string(), ": ", num_bytes, " bytes cannot be reserved: ", std::strerror(error));
  }
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void OutputFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path_.string(), ": cannot be written at byte ", offset, ": ", std::strerror(errno));
    offset += static_cast<std::uint64_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void OutputFile::close() {
  const int descriptor = std::exchange(descriptor_, -1);
  const bool synced = ::fsync(descriptor) == 0;
  const int sync_error = errno;
  const bool closed = ::close(descriptor) == 0;
  check(synced && closed, path_.string(), ": cannot be completed: ", std::strerror(synced ? errno : sync_error));
}

void sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  check(descriptor >= 0, folder.string(), ": cannot be opened: ", std::strerror(errno));
  ::fsync(descriptor);  // some file systems cannot sync a folder and need not: failure loses nothing that is written
  ::close(descriptor);
}

}  // namespace uncurl::checkpoint
