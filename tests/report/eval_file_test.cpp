#include "uncurl/report/eval_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/report/samples.h"
#include "tests/support/error_of.h"
#include "uncurl/report/section.h"

namespace uncurl::report {
namespace {

using test::estimate;
using ::testing::HasSubstr;
using uncurl::test::error_of;

Json task_result(double loss) { return {{"task", "rte"}, {"tokens", 50}, {"loss", estimate(loss, 0.1)}}; }

Json metric(const char* name, double difference, double p) {
  return {{"metric", name},
          {"n", 40},
          {"original", estimate(0.7, 0.1)},
          {"model", estimate(0.7 + difference, 0.1)},
          {"difference", estimate(difference, 0.05)},
          {"lost", 6},
          {"gained", 1},
          {"mcnemar_p", p}};
}

/// What `uncurl eval --against` writes, as far as the report reads it.
Json eval_against() {
  const Json comparison = {{"task", "rte"},
                           {"metrics", Json::array({metric("acc", -0.2, 0.01), metric("acc_norm", -0.1, 0.2)})}};
  return {{"kind", "eval"},
          {"version", 1},
          {"model", {{"name", "small"}, {"experts", 4}, {"parameters", 500}}},
          {"results", Json::array({task_result(2)})},
          {"against", {{"name", "large"}, {"experts", 8}, {"parameters", 800}}},
          {"original", {{"results", Json::array({task_result(1)})}}},
          {"comparison", Json::array({comparison})},
          {"timings", {{"model", 3}, {"original", 4}}}};
}

Study eval_study(const Json& file) { return read_eval(JsonObject(file, "eval.json")); }

TEST(EvalFile, AModelAgainstAnOriginalIsAStudyOfOnePoint) {
  const Study study = eval_study(eval_against());
  EXPECT_EQ(study.model.name, "large");
  EXPECT_DOUBLE_EQ(study.original.at(0).loss->value, 1);
  EXPECT_EQ(study.points.at(0).method, "small");
  EXPECT_EQ(study.points[0].experts, 4);
  EXPECT_DOUBLE_EQ(study.points[0].results.at(0).loss->value, 2);
  EXPECT_EQ(study.timings.size(), 2);
}

TEST(EvalFile, AModelAloneIsTheOriginal) {
  Json file = eval_against();
  for (const char* const key : {"against", "original", "comparison"}) file[key] = nullptr;
  const Study study = eval_study(file);
  EXPECT_EQ(study.model.name, "small");
  EXPECT_DOUBLE_EQ(study.original.at(0).loss->value, 2);
  EXPECT_TRUE(study.points.empty());
  EXPECT_EQ(subject_section(study).takeaway, "The model by itself, measured on 1 task.");
}

TEST(EvalFile, ChangesTellWhatIsMoreThanChance) {
  const Section section = *change_section(eval_study(eval_against()));
  EXPECT_EQ(
      section.takeaway,
      "Of 2 metrics with a test, 1 fell and 0 rose by more than chance (exact McNemar, p below 0.05, each by itself).");
  EXPECT_THAT(section.body.markup(), HasSubstr("<td>6</td><td>1</td><td>0.0100</td>"));
}

TEST(EvalFile, AMalformedChangeIsNamedWithFileAndKey) {
  Json file = eval_against();
  file["comparison"][0]["metrics"][1]["n"] = "40";
  EXPECT_EQ(error_of([&] { eval_study(file); }),
            "eval.json: 'comparison'[0]: 'metrics'[1]: key 'n' should be an integer, found \"40\"");
}

}  // namespace
}  // namespace uncurl::report
