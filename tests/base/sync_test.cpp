#include "uncurl/base/sync.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "uncurl/base/file.h"

namespace uncurl {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::HasSubstr;

// That fsync is called, and when, only a record of system calls can show: tests/parity/test_durable.py.

TEST(Sync, TakesAFolderWithLinksAndFolders) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "inner");
  write_text(folder / "inner" / "file", "text");
  std::filesystem::create_symlink("nowhere", folder / "link");
  EXPECT_NO_THROW(sync_tree(folder.path()));
}

TEST(Sync, NamesWhatIsNotThere) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { sync_file(folder / "none"); }), HasSubstr("none: cannot be opened to sync it: No such"));
  write_text(folder / "file", "text");
  EXPECT_THAT(error_of([&] { sync_folder(folder / "file"); }), HasSubstr("file: cannot be opened to sync it: Not a"));
}

TEST(Sync, CountsAFileThatCannotBeSyncedAsDone) {
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  EXPECT_EQ(sync_descriptor(null), 0);  // fsync says EINVAL
  ::close(null);
  EXPECT_EQ(sync_descriptor(-1), EBADF);
}

TEST(RenameDurably, MovesAndNamesBothWhereItCannot) {
  const TemporaryFolder folder;
  write_text(folder / "old", "text");
  rename_durably(folder / "old", folder / "new");
  EXPECT_EQ(read_text(folder / "new"), "text");
  const std::string fault = error_of([&] { rename_durably(folder / "old", folder / "new"); });
  EXPECT_THAT(fault, HasSubstr("old: cannot be moved to"));
  EXPECT_THAT(fault, HasSubstr("No such file"));
}

}  // namespace
}  // namespace uncurl
