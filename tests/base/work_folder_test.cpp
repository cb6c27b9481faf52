#include "uncurl/base/work_folder.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "uncurl/base/file.h"

namespace uncurl {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr WorkKind kKind = {.mark = ".mark", .maker = "this test"};

/// A place for OUT, and what runs of all kinds leave there.
struct Place {
  TemporaryFolder folder;
  fs::path out() const { return folder / "out"; }
  fs::path work(const std::string& name = "") const { return folder / "out.partial" / name; }

  static void make(const fs::path& path, const std::string& text) {
    fs::create_directories(path);
    write_text(path / "file", text);
  }
  std::string content(const fs::path& path) const { return read_text(path / "file"); }

  /// Names in the folder, sorted.
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder.path())) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
};

TEST(WorkFolder, RefusesASecondOwnerAndLeavesItsWorkAlone) {
  const Place place;
  WorkFolder first(place.out(), kKind, /*overwrite=*/false);
  Place::make(first.checkpoint(), "new");
  EXPECT_THAT(error_of([&] { WorkFolder(place.out(), kKind, false); }),
              HasSubstr("out: another run is working on it (process " + std::to_string(::getpid())));
  first.commit();
  EXPECT_EQ(place.content(place.out()), "new");
  EXPECT_THAT(place.names(), ElementsAre("out"));
}

TEST(WorkFolder, TakesOverWhatNobodyHolds) {  // killed before the mark had any text, or at any later moment
  const Place place;
  Place::make(place.work("checkpoint"), "half");
  write_text(place.work(".mark"), "");
  const WorkFolder work(place.out(), kKind, false);
  EXPECT_FALSE(fs::exists(work.checkpoint()));
}

TEST(WorkFolder, TakesAnEmptyFolderAndLeavesNone) {
  const Place place;
  fs::create_directory(place.work());
  { const WorkFolder work(place.out(), kKind, false); }
  EXPECT_TRUE(place.names().empty());
}

TEST(WorkFolder, KeepsWorkWhenTold) {
  const Place place;
  {
    WorkFolder work(place.out(), kKind, false);
    work.keep_work();
    write_text(work.work() / "state", "step 3");
  }
  WorkFolder again(place.out(), kKind, false);
  EXPECT_EQ(read_text(again.work() / "state"), "step 3");
  Place::make(again.checkpoint(), "new");
  again.commit();
  EXPECT_THAT(place.names(), ElementsAre("out"));
}

TEST(WorkFolder, GivesTheOldFolderItsNameBackAfterAKillBetweenTwoRenames) {
  const Place place;
  Place::make(place.work("replaced"), "old");
  write_text(place.work(".mark"), "");
  EXPECT_THAT(error_of([&] { WorkFolder(place.out(), kKind, false); }), HasSubstr("out: exists; pass --overwrite"));
  EXPECT_EQ(place.content(place.out()), "old");
  EXPECT_THAT(place.names(), ElementsAre("out"));
}

TEST(WorkFolder, FinishesWhatWasVerified) {
  const Place place;
  Place::make(place.work("verified"), "new");
  write_text(place.work(".mark"), "");
  EXPECT_THROW(WorkFolder(place.out(), kKind, false), FinishedBefore);
  EXPECT_EQ(place.content(place.out()), "new");
  EXPECT_THAT(place.names(), ElementsAre("out"));
}

TEST(WorkFolder, FinishesAReplacementThatWasStoppedBetweenItsRenames) {
  const Place place;
  Place::make(place.work("verified"), "new");
  Place::make(place.work("replaced"), "old");
  write_text(place.work(".mark"), "");
  { const WorkFolder work(place.out(), kKind, /*overwrite=*/true); }
  EXPECT_EQ(place.content(place.out()), "new");
  EXPECT_THAT(place.names(), ElementsAre("out"));
}

TEST(WorkFolder, NeverRemovesWhatWasVerified) {
  const Place place;
  Place::make(place.out(), "another");
  Place::make(place.work("verified"), "new");
  write_text(place.work(".mark"), "");
  const std::string fault = error_of([&] { WorkFolder(place.out(), kKind, false); });
  EXPECT_THAT(fault, HasSubstr("verified: an earlier run finished this checkpoint"));
  EXPECT_THAT(fault, HasSubstr("--overwrite"));
  EXPECT_EQ(place.content(place.out()), "another");
  EXPECT_EQ(place.content(place.work("verified")), "new");
}

TEST(WorkFolder, KeepsTheVerifiedFolderWhenItCannotHaveItsName) {
  const Place place;
  {
    WorkFolder work(place.out(), kKind, false);
    Place::make(work.checkpoint(), "new");
    Place::make(place.out(), "a folder that came meanwhile");
    const std::string fault = error_of([&] { work.commit(); });
    EXPECT_THAT(fault, HasSubstr("the finished checkpoint is in " + place.work("verified").string()));
  }
  EXPECT_EQ(place.content(place.work("verified")), "new");
  EXPECT_EQ(place.content(place.out()), "a folder that came meanwhile");
}

}  // namespace
}  // namespace uncurl
