#include "uncurl/study/protocol/stage_lock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/temporary_folder.h"

namespace uncurl::study {
namespace {

/// Whether another process could lock the path.
bool other_process_locks(const std::filesystem::path& path) {
  const pid_t child = fork();
  if (child == 0) _exit(StageLock(path).is_held() ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(StageLock, IsHeldByOneProcessAtATime) {
  const test::TemporaryFolder folder;
  const std::filesystem::path stage = folder / "stages" / "prune";
  {
    const StageLock lock(stage);
    EXPECT_TRUE(lock.is_held());
    EXPECT_FALSE(other_process_locks(stage));
    EXPECT_TRUE(other_process_locks(folder / "stages" / "observe"));
  }
  EXPECT_TRUE(other_process_locks(stage));
}

TEST(StageLock, EndsWithItsProcessAndLeavesNoFile) {
  const test::TemporaryFolder folder;
  const pid_t child = fork();
  if (child == 0) {
    const StageLock* const never_freed = new StageLock(folder / "stage");
    _exit(never_freed->is_held() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  { EXPECT_TRUE(StageLock(folder / "stage").is_held()); }
  EXPECT_FALSE(std::filesystem::exists(folder / "stage.lock"));
}

}  // namespace
}  // namespace uncurl::study
