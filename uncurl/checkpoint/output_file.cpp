#include "uncurl/checkpoint/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "uncurl/base/error.h"
#include "uncurl/base/sync.h"

namespace uncurl::checkpoint {

namespace {

/// fallocate, not posix_fallocate: that one writes every block where the file system cannot reserve.
int reserve(int descriptor, std::uint64_t num_bytes) {
  const auto size = static_cast<off_t>(num_bytes);
  if (size == 0 || ::fallocate(descriptor, 0, 0, size) == 0) return 0;
  if (errno != EOPNOTSUPP && errno != ENOSYS) return errno;
  return ::ftruncate(descriptor, size) == 0 ? 0 : errno;
}

/// An open descriptor for the time of one call.
class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags, const char* what)
      : number_(::open(path.c_str(), O_WRONLY | O_CLOEXEC | flags, 0666)) {
    check(number_ >= 0, path.string(), ": cannot be ", what, ": ", std::strerror(errno));
  }
  ~Descriptor() { ::close(number_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

}  // namespace

OutputFile::OutputFile(const std::filesystem::path& path, std::uint64_t num_bytes) : path_(path) {
  const Descriptor file(path_, O_CREAT | O_EXCL, "created");
  const int error = reserve(file.number(), num_bytes);
  check(error == 0, path_.string(), ": ", num_bytes, " bytes cannot be reserved: ", std::strerror(error));
}

void OutputFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  const Descriptor file(path_, 0, "opened again");
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file.number(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path_.string(), ": cannot be written at byte ", offset, ": ", std::strerror(errno));
    offset += static_cast<std::uint64_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void OutputFile::complete() const { sync_file(path_); }

}  // namespace uncurl::checkpoint
