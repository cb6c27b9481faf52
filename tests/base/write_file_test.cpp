#include "uncurl/base/write_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <ostream>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "uncurl/base/file.h"

namespace uncurl {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::HasSubstr;

TEST(WriteFile, ReplacesTheOldFileAndLeavesNoPartialName) {
  const TemporaryFolder folder;
  write_text(folder / "a.txt", "a long old text");
  write_text(folder / "a.txt", "new");
  EXPECT_EQ(read_text(folder / "a.txt"), "new");
  EXPECT_FALSE(std::filesystem::exists(partial_name(folder / "a.txt")));
}

TEST(WriteFile, APartialNameIsInTheSameFolder) { EXPECT_EQ(partial_name("out/plan.json"), "out/plan.json.partial"); }

TEST(WriteFile, KeepsTheOldFileWhenTheNewOneCannotBeWritten) {
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

TEST(WriteFile, LeavesTheOldFileAloneWhenTheDiskIsFull) {
  const TemporaryFolder folder;
  write_text(folder / "a.txt", "old");
  fill_the_disk_under(folder / "a.txt");
  EXPECT_THAT(error_of([&] { write_text(folder / "a.txt", "new"); }), HasSubstr("No space left on device"));
  EXPECT_EQ(read_text(folder / "a.txt"), "old");
  EXPECT_FALSE(std::filesystem::is_symlink(partial_name(folder / "a.txt")));
}

TEST(WriteFile, LeavesTheOldFileAloneWhenItsWriterFails) {
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

TEST(WriteFile, NamesTheTargetThatCannotBeReplaced) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "taken");
  EXPECT_THAT(error_of([&] { write_text(folder / "taken", "text"); }), HasSubstr((folder / "taken").string()));
  EXPECT_FALSE(std::filesystem::exists(partial_name(folder / "taken")));
}

TEST(WriteFile, SaysHowMuchRoomIsNeededAndHowMuchThereIs) {
  const TemporaryFolder folder;
  const std::uint64_t exabyte = 1'000'000'000'000'000'000;
  EXPECT_THAT(error_of([&] { check_space(folder / "new", exabyte); }),
              testing::ContainsRegex("new: needs 1000000000.000 GB, but its disk has only [0-9.]+ GB free"));
  EXPECT_NO_THROW(check_space(folder / "new", 1));
}

TEST(WriteFile, WritesMoreThanItsBufferInPiecesOfAnySize) {
  const TemporaryFolder folder;
  std::string expected;
  write_file(folder / "big", [&](std::ostream& out) {
    for (const int size : {1, 65'535, 65'536, 65'537, 7, 200'000, 3}) {
      const std::string piece(static_cast<std::size_t>(size), static_cast<char>('a' + size % 26));
      out << piece;
      expected += piece;
    }
    for (int i = 0; i < 70'000; ++i) out.put('z');
    expected += std::string(70'000, 'z');
  });
  EXPECT_EQ(read_text(folder / "big"), expected);
}

TEST(WriteFile, DoesNotWaitForTheReaderOfAPipe) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo(partial_name(folder / "a").c_str(), 0600), 0);
  EXPECT_THAT(error_of([&] { write_text(folder / "a", "text"); }), HasSubstr("a.partial: cannot be created"));
  EXPECT_TRUE(std::filesystem::is_fifo(partial_name(folder / "a")));  // which is the user's
}

TEST(WriteFile, CopiesOnceAndNamesBoth) {
  const TemporaryFolder folder;
  write_text(folder / "a", "text");
  copy_to(folder / "a", folder / "b");
  EXPECT_EQ(read_text(folder / "b"), "text");
  EXPECT_THAT(error_of([&] { copy_to(folder / "a", folder / "b"); }), HasSubstr("a: cannot be copied to"));
}

TEST(WriteFile, AddsUpWhatSharesADisk) {
  const TemporaryFolder folder;
  const std::uint64_t most = std::filesystem::space(folder.path()).available / 10 * 6;
  EXPECT_NO_THROW(check_space({{folder / "state", most}, {folder / "stats", 0}}));
  const std::string fault = error_of([&] { check_space({{folder / "state", most}, {folder / "stats", most}}); });
  EXPECT_THAT(fault, HasSubstr("state: needs "));
  EXPECT_THAT(fault, HasSubstr("stats: needs "));
  EXPECT_THAT(fault, testing::ContainsRegex("; together [0-9.]+ GB, but their disk has only [0-9.]+ GB free"));
}

}  // namespace
}  // namespace uncurl
