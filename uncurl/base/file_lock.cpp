#include "uncurl/base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/base/printable.h"
#include "uncurl/base/sync.h"

namespace uncurl {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestCommand = 300;

int open_file(const fs::path& path) {
  std::error_code error;
  fs::create_directories(parent_of(path), error);
  check(!error, parent_of(path).string(), ": cannot be created: ", error.message());
  return ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
}

/// Whether the path still leads to the open file: the owner before us may have removed it since.
bool is_at(int file, const fs::path& path) {
  struct stat open {
  }, named{};
  return ::fstat(file, &open) == 0 && ::stat(path.c_str(), &named) == 0 && open.st_dev == named.st_dev &&
         open.st_ino == named.st_ino;
}

std::string own_command() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  while (!text.empty() && text.back() == '\0') text.pop_back();
  for (char& letter : text) letter = letter == '\0' ? ' ' : letter;
  return shortened(text, kLongestCommand);
}

}  // namespace

FileLock::FileLock(fs::path path) : path_(std::move(path)) {
  while (!lock()) ::close(std::exchange(file_, -1));
  if (held_) say_who();
}

/// @return false if the file that was locked has lost its name meanwhile
bool FileLock::lock() {
  file_ = open_file(path_);
  if (file_ < 0 && errno == ENOENT) return lock();  // its folder was removed in between
  check(file_ >= 0, path_.string(), ": cannot be created: ", std::strerror(errno));
  while (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    held_ = errno != EWOULDBLOCK;  // ENOLCK, EOPNOTSUPP ...: no locks here
    return true;
  }
  held_ = true;
  return is_at(file_, path_);
}

/// For the message of whoever is refused: nothing depends on it, so a full disk only makes that message shorter.
void FileLock::say_who() const {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  const std::string text = concat("process ", ::getpid(), " on ", host.data(), ": ", own_command(), "\n");
  if (::ftruncate(file_, 0) == 0) [[maybe_unused]]
    const ssize_t ignored = ::pwrite(file_, text.data(), text.size(), 0);
}

void FileLock::expect_held(const std::string& what) const {
  if (held_) return;
  std::array<char, 2 * kLongestCommand> text{};
  const ssize_t size = ::pread(file_, text.data(), text.size(), 0);
  const std::string_view line(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  const std::string holder = printable(line.substr(0, line.find('\n')));
  fail(what, ": another run is working on it (", holder.empty() ? "which did not say its name" : holder,
       "); wait until it has ended, or choose another output");
}

FileLock::~FileLock() {
  // The file goes while it is still locked: who opened it before sees that the name is gone, and tries again.
  std::error_code ignored;
  if (held_ && removes_ && is_at(file_, path_)) fs::remove(path_, ignored);
  ::close(file_);
}

}  // namespace uncurl
