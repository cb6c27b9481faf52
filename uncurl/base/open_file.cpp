#include "uncurl/base/open_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include "uncurl/base/error.h"
#include "uncurl/base/printable.h"

namespace uncurl {
namespace {

std::string what_it_is(mode_t mode) {
  if (S_ISDIR(mode)) return "is a folder, expected a file";
  if (S_ISFIFO(mode)) {
    return "is a pipe, which cannot be read twice; write what it delivers into a file, and name that file";
  }
  if (S_ISSOCK(mode)) return "is a socket, expected a file";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "is a device, expected a file";
  return "is not a regular file";
}

std::string why_it_cannot_be_looked_at(const std::filesystem::path& path, int reason) {
  std::error_code error;
  const std::filesystem::path target = std::filesystem::read_symlink(path, error);
  if (!error && reason == ENOENT) return "is a link to " + target.string() + ", which does not exist";
  return std::string("cannot be opened: ") + std::strerror(reason);
}

void check_regular(const std::filesystem::path& path, const struct stat& status) {
  check(S_ISREG(status.st_mode), path.string(), ": ", what_it_is(status.st_mode));
}

}  // namespace

void check_is_file(const std::filesystem::path& path) {
  check(path.native().find('\0') == std::string::npos, printable(path.string()),
        ": has a zero byte in its name, which no file can have");
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) fail(path.string(), ": ", why_it_cannot_be_looked_at(path, errno));
  check_regular(path, status);
}

int open_to_read(const std::filesystem::path& path) {
  check_is_file(path);  // before open(): opening a device may already do something
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  check(file >= 0 || errno != EMFILE, path.string(), ": cannot be opened: this process has too many files open; a ",
        "checkpoint keeps each of its shards open, so allow it more (ulimit -n)");
  check(file >= 0, path.string(), ": cannot be opened: ", std::strerror(errno));
  try {
    struct stat status {};
    check(::fstat(file, &status) == 0, path.string(), ": cannot be opened: ", std::strerror(errno));
    check_regular(path, status);  // another file may have taken the name since
  } catch (...) {
    ::close(file);
    throw;
  }
  return file;
}

bool has_entry(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::symlink_status(path, ignored).type() != std::filesystem::file_type::not_found;
}

}  // namespace uncurl
