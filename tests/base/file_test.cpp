#include "uncurl/base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace uncurl {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::HasSubstr;

TEST(File, ReadsBackWhatWasWritten) {
  const TemporaryFolder folder;
  const std::string text("line\n\0 zero \xff byte", 18);
  write_text(folder / "a.txt", text);
  EXPECT_EQ(read_text(folder / "a.txt"), text);
}

TEST(File, ReadsAnEmptyFile) {
  const TemporaryFolder folder;
  write_text(folder / "empty", "");
  EXPECT_EQ(read_text(folder / "empty"), "");
}

TEST(File, NamesTheMissingFileAndTheReason) {
  const TemporaryFolder folder;
  const std::string message = error_of([&] { read_text(folder / "absent"); });
  EXPECT_THAT(message, HasSubstr((folder / "absent").string()));
  EXPECT_THAT(message, HasSubstr("No such file"));
}

}  // namespace
}  // namespace uncurl
