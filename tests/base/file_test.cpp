#include "uncurl/base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

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

TEST(File, ReplacesTheOldFileAndLeavesNoPartialName) {
  const TemporaryFolder folder;
  write_text(folder / "a.txt", "a long old text");
  write_text(folder / "a.txt", "new");
  EXPECT_EQ(read_text(folder / "a.txt"), "new");
  EXPECT_FALSE(std::filesystem::exists(partial_name(folder / "a.txt")));
}

TEST(File, APartialNameIsInTheSameFolder) { EXPECT_EQ(partial_name("out/plan.json"), "out/plan.json.partial"); }

TEST(File, KeepsTheOldFileWhenTheNewOneCannotBeWritten) {
  const TemporaryFolder folder;
  write_text(folder / "a.txt", "old");
  std::filesystem::create_directory(partial_name(folder / "a.txt"));  // the partial file cannot be opened
  EXPECT_THAT(error_of([&] { write_text(folder / "a.txt", "new"); }), HasSubstr("a.txt.partial"));
  EXPECT_EQ(read_text(folder / "a.txt"), "old");
}

/// From now on whatever is written beside the target lands on a device that is always full.
void fill_the_disk_under(const std::filesystem::path& target) {
  std::filesystem::create_symlink("/dev/full", partial_name(target));
}

TEST(File, LeavesTheOldFileAloneWhenTheDiskIsFull) {
  const TemporaryFolder folder;
  write_text(folder / "a.txt", "old");
  fill_the_disk_under(folder / "a.txt");
  EXPECT_THAT(error_of([&] { write_text(folder / "a.txt", "new"); }), HasSubstr("No space left on device"));
  EXPECT_EQ(read_text(folder / "a.txt"), "old");
  EXPECT_FALSE(std::filesystem::is_symlink(partial_name(folder / "a.txt")));
}

TEST(File, LeavesTheOldFileAloneWhenItsWriterFails) {
  const TemporaryFolder folder;
  write_text(folder / "a.txt", "old");
  const auto write_half = [](std::ostream& out) {
    out << "half";
    fail("no more");
  };
  EXPECT_EQ(error_of([&] { write_file(folder / "a.txt", write_half); }), "no more");
  EXPECT_EQ(read_text(folder / "a.txt"), "old");
  EXPECT_FALSE(std::filesystem::exists(partial_name(folder / "a.txt")));
}

TEST(File, SaysHowMuchRoomIsNeededAndHowMuchThereIs) {
  const TemporaryFolder folder;
  const std::uint64_t exabyte = 1'000'000'000'000'000'000;
  EXPECT_THAT(error_of([&] { check_space(folder / "new", exabyte); }),
              testing::ContainsRegex("new: needs 1000000000.000 GB, but its disk has only [0-9.]+ GB free"));
  EXPECT_NO_THROW(check_space(folder / "new", 1));
}

TEST(File, NamesTheTargetThatCannotBeReplaced) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "taken");
  EXPECT_THAT(error_of([&] { write_text(folder / "taken", "text"); }), HasSubstr((folder / "taken").string()));
  EXPECT_FALSE(std::filesystem::exists(partial_name(folder / "taken")));
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
