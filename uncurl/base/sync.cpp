#include "uncurl/base/sync.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "uncurl/base/error.h"

namespace uncurl {
namespace {

namespace fs = std::filesystem;

void sync(const fs::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  if (descriptor < 0 && errno == EACCES) return;
  check(descriptor >= 0, path.string(), ": cannot be opened to sync it: ", std::strerror(errno));
  const int reason = sync_descriptor(descriptor);
  ::close(descriptor);
  check(reason == 0, path.string(), ": cannot be brought to the disk: ", std::strerror(reason));
}

}  // namespace

int sync_descriptor(int descriptor) {
  if (::fsync(descriptor) == 0) return 0;
  const bool cannot = errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP || errno == EROFS;
  return cannot ? 0 : errno;
}

void sync_file(const fs::path& file) { sync(file, O_NOFOLLOW | O_NONBLOCK); }
void sync_folder(const fs::path& folder) { sync(folder, O_DIRECTORY); }

void sync_tree(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const fs::file_type type = entry->symlink_status(error).type();
    if (type == fs::file_type::directory) sync_tree(entry->path());
    if (type == fs::file_type::regular) sync_file(entry->path());
  }
  check(!error, folder.string(), ": cannot be read to sync it: ", error.message());
  sync_folder(folder);
}

void rename_durably(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  check(!error, from.string(), ": cannot be moved to ", to.string(), ": ", error.message());
  sync_folder(parent_of(to));
}

fs::path parent_of(const fs::path& path) { return fs::absolute(path).parent_path(); }

}  // namespace uncurl
