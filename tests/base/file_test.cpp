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

TEST(File, ReleasedPagesStayReadable) {
  const TemporaryFolder folder;
  const std::string text(100'000, 'x');
  write_text(folder / "big", text);
  const MappedFile file(folder / "big");
  file.will_need(5, text.size());
  file.release(0, text.size());
  const auto bytes = file.bytes();
  ASSERT_EQ(bytes.size(), text.size());
  EXPECT_EQ(static_cast<char>(bytes[50'000]), 'x');
}

}  // namespace
}  // namespace uncurl
