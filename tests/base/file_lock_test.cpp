#include "uncurl/base/file_lock.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "uncurl/base/file.h"

namespace uncurl {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// Whether another process could lock the path.
bool other_process_locks(const fs::path& path) {
  const pid_t child = fork();
  if (child == 0) _exit(FileLock(path).is_held() ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(FileLock, IsHeldByOneProcessAtATime) {
  const test::TemporaryFolder folder;
  const fs::path path = folder / "stages" / "prune.lock";
  {
    const FileLock lock(path);
    EXPECT_TRUE(lock.is_held());
    EXPECT_FALSE(other_process_locks(path));
    EXPECT_TRUE(other_process_locks(folder / "stages" / "observe.lock"));
  }
  EXPECT_TRUE(other_process_locks(path));
}

TEST(FileLock, EndsWithItsProcessAndLeavesNoFile) {
  const test::TemporaryFolder folder;
  const pid_t child = fork();
  if (child == 0) {
    const FileLock* const never_freed = new FileLock(folder / "lock");
    _exit(never_freed->is_held() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(fs::exists(folder / "lock"));
  { EXPECT_TRUE(FileLock(folder / "lock").is_held()); }
  EXPECT_FALSE(fs::exists(folder / "lock"));
}

TEST(FileLock, NamesTheProcessThatHoldsIt) {
  const test::TemporaryFolder folder;
  const FileLock first(folder / "lock"), second(folder / "lock");  // a lock belongs to its descriptor
  EXPECT_NO_THROW(first.expect_held("out"));
  const std::string fault = test::error_of([&] { second.expect_held("out"); });
  EXPECT_THAT(fault, HasSubstr("out: another run is working on it (process " + std::to_string(::getpid()) + " on "));
  EXPECT_THAT(fault, HasSubstr("base_test"));  // the command, from /proc
}

// The owner removes the file while it holds the lock. Who opened that file before must not believe that the lock on a
// file without a name keeps anybody out.
TEST(FileLock, IsNotFooledByAFileThatLostItsName) {
  const test::TemporaryFolder folder;
  const fs::path path = folder / "lock";
  const int old = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  ASSERT_EQ(::flock(old, LOCK_EX | LOCK_NB), 0);
  ASSERT_TRUE(fs::remove(path));
  const FileLock lock(path);
  EXPECT_TRUE(lock.is_held());
  EXPECT_TRUE(fs::exists(path));
  EXPECT_FALSE(other_process_locks(path));
  ::close(old);
}

TEST(FileLock, KeepsTheFileWhenTold) {
  const test::TemporaryFolder folder;
  FileLock(folder / "lock").keep_file();
  EXPECT_TRUE(fs::exists(folder / "lock"));
}

TEST(FileLock, SaysWhyItsFileCannotBeMade) {
  const test::TemporaryFolder folder;
  write_text(folder / "file", "");
  EXPECT_THAT(test::error_of([&] { FileLock lock(folder / "file" / "lock"); }), HasSubstr("cannot be created"));
  fs::create_symlink(folder / "elsewhere", folder / "link");
  EXPECT_THAT(test::error_of([&] { FileLock lock(folder / "link"); }), HasSubstr("link: cannot be created"));
}

}  // namespace
}  // namespace uncurl
