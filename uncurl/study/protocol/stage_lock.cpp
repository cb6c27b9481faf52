#include "uncurl/study/protocol/stage_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "uncurl/base/error.h"

namespace uncurl::study {

StageLock::StageLock(const std::filesystem::path& path) : path_(path) {
  path_ += ".lock";
  std::filesystem::create_directories(path_.parent_path());
  file_ = ::open(path_.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  check(file_ >= 0, path_.string(), ": cannot be created: ", std::strerror(errno));
  held_ = ::flock(file_, LOCK_EX | LOCK_NB) == 0;
}

StageLock::~StageLock() {
  // The file goes while it is still locked: who opens it from now on locks a new one, and sees the stage done.
  std::error_code ignored;
  if (held_) std::filesystem::remove(path_, ignored);
  ::close(file_);
}

}  // namespace uncurl::study
