#include "uncurl/prune/output_folder.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "uncurl/base/file.h"

namespace uncurl::prune {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::TemporaryFolder;
using testing::HasSubstr;

/// A folder with the input "model" in it.
struct Place {
  TemporaryFolder folder;
  Place() { fs::create_directory(input()); }
  fs::path input() const { return folder / "model"; }

  std::string fault(const fs::path& target, bool overwrite = true) const {
    return error_of([&] { OutputFolder(target, input(), overwrite); });
  }
};

/// Does the work of a writer: makes the partial folder with a file in it.
void fill(const OutputFolder& output, const std::string& text) {
  fs::create_directory(output.partial());
  write_text(output.partial() / "file", text);
}

TEST(OutputFolder, RefusesTheInputAndWhatOverlapsWithIt) {
  const Place place;
  fs::create_directory_symlink(place.input(), place.folder / "link");
  for (const fs::path& target : {place.input(), place.input() / "pruned", place.folder.path(), place.input() / "",
                                 place.folder / "model" / ".." / "model", place.folder / "link"}) {
    EXPECT_THAT(place.fault(target), HasSubstr("must be neither the input folder"));
  }
}

TEST(OutputFolder, AcceptsANeighbourWhoseNameBeginsLikeTheInputs) {
  const Place place;
  EXPECT_NO_THROW(OutputFolder(place.folder / "model-pruned", place.input(), /*overwrite=*/false));
}

TEST(OutputFolder, ReplacesAFolderOnlyWhenTold) {
  const Place place;
  fs::create_directory(place.folder / "out");
  EXPECT_THAT(place.fault(place.folder / "out", /*overwrite=*/false), HasSubstr("--overwrite"));
  EXPECT_NO_THROW(OutputFolder(place.folder / "out", place.input(), /*overwrite=*/true));
}

TEST(OutputFolder, RefusesAFileAndAParentThatDoesNotExist) {
  const Place place;
  write_text(place.folder / "file", "");
  EXPECT_THAT(place.fault(place.folder / "file"), HasSubstr("exists and is no folder"));
  EXPECT_THAT(place.fault(place.folder / "no" / "out"), HasSubstr("does not exist; create it first"));
}

TEST(OutputFolder, RefusesAParentThatCannotBeWrittenTo) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  const Place place;
  fs::create_directory(place.folder / "locked");
  fs::permissions(place.folder / "locked", fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_THAT(place.fault(place.folder / "locked" / "out"), HasSubstr("no permission"));
}

TEST(OutputFolder, AppearsOnCommit) {
  const Place place;
  OutputFolder output((place.folder / "out") / "", place.input(), /*overwrite=*/false);  // a trailing slash is no name
  EXPECT_EQ(output.target(), place.folder / "out");
  EXPECT_EQ(output.partial(), place.folder / "out.partial");
  fill(output, "new");
  EXPECT_FALSE(fs::exists(output.target()));
  output.commit();
  EXPECT_EQ(read_text(place.folder / "out" / "file"), "new");
  EXPECT_FALSE(fs::exists(output.partial()));
}

TEST(OutputFolder, KeepsTheOldFolderUntilTheNewOneStands) {
  const Place place;
  fs::create_directory(place.folder / "out");
  write_text(place.folder / "out" / "file", "old");
  write_text(place.folder / "out" / "another", "old");
  OutputFolder output(place.folder / "out", place.input(), /*overwrite=*/true);
  fill(output, "new");
  EXPECT_EQ(read_text(place.folder / "out" / "file"), "old");
  output.commit();
  EXPECT_EQ(read_text(place.folder / "out" / "file"), "new");
  EXPECT_FALSE(fs::exists(place.folder / "out" / "another"));
  EXPECT_FALSE(fs::exists(place.folder / "out.replaced"));
}

TEST(OutputFolder, LeavesNothingBehindWithoutACommit) {
  const Place place;
  fs::create_directory(place.folder / "out");
  {
    const OutputFolder output(place.folder / "out", place.input(), /*overwrite=*/true);
    fill(output, "half");
  }
  EXPECT_FALSE(fs::exists(place.folder / "out.partial"));
  EXPECT_TRUE(fs::exists(place.folder / "out"));
}

TEST(OutputFolder, ClearsWhatAKilledRunLeft) {
  const Place place;
  fs::create_directory(place.folder / "out.partial");
  write_text(place.folder / "out.partial" / "file", "half");
  const OutputFolder output(place.folder / "out", place.input(), /*overwrite=*/false);
  EXPECT_FALSE(fs::exists(output.partial()));
}

TEST(CheckOutputFile, RefusesWhatCannotBeWritten) {
  const TemporaryFolder folder;
  write_text(folder / "file", "");
  EXPECT_THAT(error_of([&] { check_output_file(folder / "file", /*overwrite=*/false); }), HasSubstr("--overwrite"));
  EXPECT_THAT(error_of([&] { check_output_file(folder.path(), /*overwrite=*/true); }), HasSubstr("is a folder"));
  EXPECT_THAT(error_of([&] { check_output_file(folder / "no" / "file", /*overwrite=*/true); }),
              HasSubstr("does not exist"));
  EXPECT_NO_THROW(check_output_file(folder / "file", /*overwrite=*/true));
  EXPECT_NO_THROW(check_output_file(folder / "new", /*overwrite=*/false));
}

}  // namespace
}  // namespace uncurl::prune
