#include "uncurl/study/sweep/findings.h"

#include <gmock/gmock.h>

namespace uncurl::study {
namespace {

using testing::ElementsAre;

TEST(ShortNames, AreTheFilesWithoutFolderAndEndings) {
  EXPECT_THAT(short_names({"examples/tasks/math.calibration.jsonl", "boolq"}), ElementsAre("math", "boolq"));
}

TEST(ShortNames, StayWholeWhereTheyWouldBeTheSame) {
  EXPECT_THAT(short_names({"a/math.jsonl", "b/math.jsonl", "all.txt"}),
              ElementsAre("a/math.jsonl", "b/math.jsonl", "all.txt"));  // "all" stands for all tasks
}

}  // namespace
}  // namespace uncurl::study
