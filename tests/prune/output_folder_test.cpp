#include "uncurl/prune/output_folder.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "uncurl/base/file.h"

namespace uncurl::prune {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::TemporaryFolder;
using testing::ElementsAre;
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

/// Names in a folder, sorted.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

/// Does the work of a writer: makes the partial folder with a file in it.
void fill(const OutputFolder& output, const std::string& text) {
  fs::create_directory(output.partial());
  write_text(output.partial() / "file", text);
}

TEST(OutputFolder, RefusesTheInputAndWhatOverlapsWithIt) {
  const Place place;
  fs::create_directory_symlink(place.input(), place.folder / "link");
  for (const fs::path& target :
       {place.input(), place.input() / "pruned", place.folder.path(), place.input() / "",
        place.folder / "model" / ".." / "model", place.folder / "link", place.input() / ".", place.input() / ".."}) {
    EXPECT_THAT(place.fault(target), HasSubstr("must be neither the input folder"));
  }
}

TEST(OutputFolder, RefusesALinkInsideTheInputWhereverItLeads) {
  const Place place;
  fs::create_directory(place.folder / "elsewhere");
  fs::create_directory_symlink(place.folder / "elsewhere", place.input() / "link");
  EXPECT_THAT(place.fault(place.input() / "link"), HasSubstr("must be neither the input folder"));
}

TEST(OutputFolder, RefusesAnEmptyName) { EXPECT_THAT(Place().fault(""), HasSubstr("needs a name")); }

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
  fill(output, "new");
  EXPECT_FALSE(fs::exists(output.target()));
  output.commit();
  EXPECT_THAT(names_in(place.folder.path()), ElementsAre("model", "out"));
  EXPECT_THAT(names_in(output.target()), ElementsAre("file"));
  EXPECT_EQ(read_text(output.target() / "file"), "new");
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
  EXPECT_THAT(names_in(output.target()), ElementsAre("file"));
  EXPECT_THAT(names_in(place.folder.path()), ElementsAre("model", "out"));
}

TEST(OutputFolder, LeavesNothingBehindWithoutACommit) {
  const Place place;
  fs::create_directory(place.folder / "out");
  {
    const OutputFolder output(place.folder / "out", place.input(), /*overwrite=*/true);
    fill(output, "half");
  }
  EXPECT_THAT(names_in(place.folder.path()), ElementsAre("model", "out"));
}

TEST(OutputFolder, ClearsWhatAKilledRunLeft) {
  const Place place;
  {
    const OutputFolder killed(place.folder / "out", place.input(), /*overwrite=*/false);
    fill(killed, "half");
    fs::copy(place.folder / "out.partial", place.folder / "left", fs::copy_options::recursive);
  }
  fs::rename(place.folder / "left", place.folder / "out.partial");
  OutputFolder output(place.folder / "out", place.input(), /*overwrite=*/false);
  EXPECT_FALSE(fs::exists(output.partial()));
  fill(output, "new");
  output.commit();
  EXPECT_EQ(read_text(output.target() / "file"), "new");
  EXPECT_THAT(names_in(place.folder.path()), ElementsAre("model", "out"));
}

TEST(OutputFolder, GivesAFolderItsNameBackWhenItCannotBeReplaced) {
  const Place place;
  fs::create_directory(place.folder / "out");
  write_text(place.folder / "out" / "file", "old");
  {
    OutputFolder output(place.folder / "out", place.input(), /*overwrite=*/true);
    EXPECT_THAT(error_of([&] { output.commit(); }), HasSubstr("cannot be read to sync"));  // nothing was written
  }
  EXPECT_EQ(read_text(place.folder / "out" / "file"), "old");
  EXPECT_THAT(names_in(place.folder.path()), ElementsAre("model", "out"));
}

TEST(OutputFolder, LeavesFoldersOfTheUsersAlone) {
  const Place place;
  fs::create_directory(place.folder / "out");
  fs::create_directory(place.folder / "out.partial");
  fs::create_directory(place.folder / "out.replaced");
  write_text(place.folder / "out.partial" / "mine", "precious");
  write_text(place.folder / "out.replaced" / "mine", "precious");
  EXPECT_THAT(place.fault(place.folder / "out"), HasSubstr("out.partial: exists and was not made by this program"));
  EXPECT_EQ(read_text(place.folder / "out.partial" / "mine"), "precious");
  fs::remove_all(place.folder / "out.partial");
  OutputFolder output(place.folder / "out", place.input(), /*overwrite=*/true);
  fill(output, "new");
  output.commit();
  EXPECT_EQ(read_text(place.folder / "out.replaced" / "mine"), "precious");
}

TEST(OutputFolder, HoldsNoFileThatHasToOutliveIt) {
  const Place place;
  const OutputFolder output((place.folder / "out") / "", place.input(), /*overwrite=*/false);
  EXPECT_THAT(error_of([&] { output.expect_outside(place.folder / "out" / ".stats.safetensors"); }),
              HasSubstr("lies inside the output folder"));
  EXPECT_NO_THROW(output.expect_outside(place.folder / "out.stats.safetensors"));
}

/// What is said to a file as output of a command on place.input(), "" if it is accepted.
std::string file_fault(const Place& place, const fs::path& path, bool overwrite) {
  try {
    check_output_file(path, place.input(), overwrite);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(CheckOutputFile, RefusesWhatCannotBeWritten) {
  const Place place;
  write_text(place.folder / "file", "");
  EXPECT_THAT(file_fault(place, place.folder / "file", /*overwrite=*/false), HasSubstr("--overwrite"));
  EXPECT_THAT(file_fault(place, place.folder.path(), /*overwrite=*/true), HasSubstr("is a folder"));
  EXPECT_THAT(file_fault(place, place.folder / "no" / "file", /*overwrite=*/true), HasSubstr("does not exist"));
  EXPECT_THAT(file_fault(place, "", /*overwrite=*/true), HasSubstr("needs a name"));
  EXPECT_EQ(file_fault(place, place.folder / "file", /*overwrite=*/true), "");
  EXPECT_EQ(file_fault(place, place.folder / "new", /*overwrite=*/false), "");
}

TEST(CheckOutputFile, RefusesEveryPlaceInsideTheInput) {
  const Place place;
  write_text(place.folder / "blob", "weights");
  fs::create_symlink(place.folder / "blob", place.input() / "model.safetensors");  // as the cache of the Hub holds them
  fs::create_directory_symlink(place.input(), place.folder / "link");
  for (const fs::path& path : {place.input() / "model.safetensors", place.folder / "link" / "model.safetensors",
                               place.input() / "new", place.folder / "link" / "new"}) {
    EXPECT_THAT(file_fault(place, path, /*overwrite=*/true), HasSubstr("lies inside the input folder")) << path;
  }
  EXPECT_EQ(file_fault(place, place.input() / ".." / "new", /*overwrite=*/true), "");
}

}  // namespace
}  // namespace uncurl::prune
