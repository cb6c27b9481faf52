#include "uncurl/base/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <vector>

#include "uncurl/base/error.h"
#include "uncurl/base/open_file.h"

namespace uncurl {
namespace {

constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;  // Linux reads at most 2 GiB at a time

}  // namespace

InputFile::InputFile(const std::filesystem::path& path) : path_(path), descriptor_(open_to_read(path)) {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) {
    const int reason = errno;
    ::close(descriptor_);
    fail(path.string(), ": cannot be read: ", std::strerror(reason));
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
  ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_RANDOM);  // what is asked for is read, and nothing around it
}

InputFile::~InputFile() { ::close(descriptor_); }

void InputFile::read(std::uint64_t begin, std::span<std::byte> target) const {
  assert(begin <= size_ && target.size() <= size_ - begin);
  while (!target.empty()) {
    const ssize_t count =
        ::pread(descriptor_, target.data(), std::min(target.size(), kMostAtOnce), static_cast<off_t>(begin));
    if (count < 0 && errno == EINTR) continue;
    check(count >= 0, path_.string(), ": cannot be read at byte ", begin, ": ", std::strerror(errno),
          "; is the disk or the network failing?");
    if (count == 0) fail_as_shorter();
    begin += static_cast<std::uint64_t>(count);
    target = target.subspan(static_cast<std::size_t>(count));
  }
}

void InputFile::fail_as_shorter() const {
  struct stat status {};
  const bool known = ::fstat(descriptor_, &status) == 0;
  fail(path_.string(), ": has ", known ? std::to_string(status.st_size) : "fewer", " bytes now, but had ", size_,
       " when it was opened; it was changed while it was in use. Restore it and start again");
}

void InputFile::for_each_piece(const std::function<void(std::span<const std::byte>)>& use) const {
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min<std::uint64_t>(kPieceBytes, size_)));
  for (std::uint64_t begin = 0; begin < size_; begin += piece.size()) {
    const std::span<std::byte> part =
        std::span(piece).first(static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), size_ - begin)));
    read(begin, part);
    use(part);
  }
}

}  // namespace uncurl
