#include "uncurl/report/runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/report/samples.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "uncurl/base/file.h"

namespace uncurl::report {
namespace {

using ::testing::HasSubstr;
using uncurl::test::error_of;
using uncurl::test::TemporaryFolder;

Json mean(double value, double half) { return {{"mean", value}, {"low", value - half}, {"high", value + half}}; }

/// What `prune` writes, with two layers of 8 experts.
Json prune_result(const char* method, int experts, double original_perplexity) {
  const Json held_out = {{"source", "/data/math.jsonl"},
                         {"tokens", 100},
                         {"original", {{"perplexity", mean(original_perplexity, 1)}}},
                         {"pruned", {{"perplexity", mean(30, 1)}}},
                         {"kl", mean(0.2, 0.1)},
                         {"top1_agreement", mean(0.8, 0.1)}};
  return {{"version", 1},
          {"uncurl", "0.1.0"},
          {"method", method},
          {"experts", {{"before", 8}, {"after", {0, experts, experts}}}},
          {"original", {{"parameters", 800}, {"bytes", 1600}}},
          {"pruned", {{"parameters", 500}, {"bytes", 1000}}},
          {"held_out", Json::array({held_out})},
          {"seconds", {{"write", 1.5}, {"measure", 2.5}}}};
}

std::filesystem::path write_run(const TemporaryFolder& folder, const std::string& name, const Json& result) {
  std::filesystem::create_directory(folder / name);
  write_json(folder / name / "result.json", result);
  return folder / name;
}

TEST(Runs, APrunedCheckpointIsAStudyOfOnePoint) {
  const TemporaryFolder folder;
  const std::vector<Study> studies = read_runs({write_run(folder, "reap", prune_result("reap", 4, 20))});
  ASSERT_EQ(studies.size(), 1);
  const Point& point = studies[0].points.at(0);
  EXPECT_EQ(point.method, "reap");
  EXPECT_EQ(point.experts, 4);
  EXPECT_FALSE(point.mixed);
  EXPECT_DOUBLE_EQ(*point.seconds, 4);
  EXPECT_EQ(point.results[0].task, "math");
  EXPECT_DOUBLE_EQ(point.results[0].loss->value, std::log(30));
  EXPECT_DOUBLE_EQ(studies[0].original[0].loss->value, std::log(20));
}

TEST(Runs, LayersWithDifferentNumbersAreMixed) {
  const TemporaryFolder folder;
  Json result = prune_result("reap", 4, 20);
  result["experts"]["after"] = {0, 4, 6};
  const Point point = read_runs({write_run(folder, "reap", result)})[0].points[0];
  EXPECT_EQ(point.experts, 6);
  EXPECT_TRUE(point.mixed);
}

TEST(Runs, CheckpointsOfOneOriginalShareAStudy) {
  const TemporaryFolder folder;
  const std::vector<Study> studies = read_runs({write_run(folder, "reap", prune_result("reap", 4, 20)),
                                                write_run(folder, "uncurl", prune_result("uncurl", 4, 20)),
                                                write_run(folder, "other", prune_result("reap", 4, 21))});
  ASSERT_EQ(studies.size(), 2);
  EXPECT_EQ(studies[0].points.size(), 2);
  EXPECT_EQ(studies[1].points.size(), 1);
}

TEST(Runs, ThePlanBesideAResultTellsItsClusters) {
  const TemporaryFolder folder;
  const std::filesystem::path run = write_run(folder, "uncurl", prune_result("uncurl", 2, 20));
  const Json merged = {{"members", {1, 2}}, {"anchor", 1}, {"weights", {0.5, 0.5}}};
  write_json(run / "plan.json", {{"layers", Json::array({{{"layer", 1}, {"groups", {3, merged}}}})}});
  const std::vector<LayerFacts> layers = read_runs({run})[0].layers;
  ASSERT_EQ(layers.size(), 1);
  EXPECT_EQ(layers[0].layer, 1);
  EXPECT_EQ(layers[0].groups[0].second[0].second, (Groups{{3}, {1, 2}}));
}

TEST(Runs, AFolderWithoutResultsIsWrongUsage) {
  const TemporaryFolder folder;
  EXPECT_THROW(read_runs({folder.path()}), UsageError);
}

TEST(Runs, AFileOfAnotherKindIsRefused) {
  const TemporaryFolder folder;
  write_json(folder / "x.json", {{"kind", "statistics"}});
  EXPECT_THAT(error_of([&] { read_runs({folder / "x.json"}); }), HasSubstr("x.json: not a result of uncurl"));
  write_text(folder / "y.json", "{");
  EXPECT_THAT(error_of([&] { read_runs({folder / "y.json"}); }), HasSubstr("y.json: not valid JSON"));
}

TEST(Runs, AMalformedResultIsNamedWithFileAndKey) {
  const TemporaryFolder folder;
  Json result = prune_result("reap", 4, 20);
  result["held_out"][0]["pruned"]["perplexity"]["mean"] = nullptr;
  const std::string message = error_of([&] { read_runs({write_run(folder, "reap", result)}); });
  EXPECT_THAT(message, HasSubstr("result.json: 'held_out'[0]: 'pruned': 'perplexity': key 'value' is missing"));
}

}  // namespace
}  // namespace uncurl::report
