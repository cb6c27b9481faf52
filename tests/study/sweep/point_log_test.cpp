#include "uncurl/study/sweep/point_log.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "uncurl/base/file.h"

namespace uncurl::study {
namespace {

Point a_point(const std::string& key) {
  return {.key = key,
          .method = "uncurl",
          .router = "wmean",
          .experts = 2,
          .parameters = 100,
          .bytes = 400,
          .predicted_speed = 1.25,
          .experts_of_layer = {2, 2},
          .error_of_layer = {0.1, 1.0 / 3},
          .groups = {{{0, 2}, {1}}, {{0}, {1, 2}}},
          .rows = {{.tokens = 5, .loss_original = 1, .loss_pruned = 2, .kl = 1.0 / 7, .agrees = 3}},
          .scores = {{"boolq", "acc", {0.5, 0.25, 0.75, 40}}},
          .seconds = 1.5};
}

TEST(PointLog, GivesBackWhatWasAppended) {
  const test::TemporaryFolder folder;
  PointLog(folder / "points.jsonl").append(a_point("k"));
  const PointLog log(folder / "points.jsonl");
  ASSERT_NE(log.find("k"), nullptr);
  EXPECT_EQ(point_json(*log.find("k")), point_json(a_point("k")));  // to the last bit of every double
  EXPECT_EQ(log.find("other"), nullptr);
}

TEST(PointLog, CutsOffALineThatWasLeftUnfinished) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder / "points.jsonl";
  PointLog(path).append(a_point("whole"));
  const std::string whole = read_text(path);
  write_text(path, whole + json_text(point_json(a_point("half"))).substr(0, 90));
  PointLog log(path);
  EXPECT_EQ(log.size(), 1u);
  log.append(a_point("next"));
  EXPECT_EQ(PointLog(path).size(), 2u);
}

TEST(PointLog, NamesTheLineThatIsNoPoint) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder / "points.jsonl";
  write_text(path, "{\"key\": \"k\"}\n");
  const std::string message = test::error_of([&] { PointLog log(path); });
  EXPECT_NE(message.find("points.jsonl:1"), std::string::npos) << message;
  write_text(path, "not json\n");
  EXPECT_NE(test::error_of([&] { PointLog log(path); }).find("points.jsonl:1"), std::string::npos);
}

TEST(PointKey, DependsOnAllThatDecidesAPoint) {
  const PointRequest request{.name = "reap", .experts = 4, .plan = {.method = "reap"}, .source = {}};
  PointRequest count = request, seed = request, source = request;
  count.experts = 5;
  seed.plan.seed = 1;
  source.source = 0;
  const std::string key = point_key(request, "stats");
  EXPECT_EQ(key, point_key(request, "stats"));
  for (const PointRequest& other : {count, seed, source}) EXPECT_NE(key, point_key(other, "stats"));
  EXPECT_NE(key, point_key(request, "other stats"));
}

}  // namespace
}  // namespace uncurl::study
