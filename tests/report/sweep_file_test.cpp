#include "uncurl/report/sweep_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/report/samples.h"
#include "tests/support/error_of.h"

namespace uncurl::report {
namespace {

using test::least_sweep;
using test::small_sweep;
using test::study_of;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using uncurl::test::error_of;

std::string error_in(const Json& file) {
  return error_of([&] { study_of(file); });
}

TEST(SweepFile, WhatIsAbsentStaysEmpty) {
  const Study study = study_of(least_sweep());
  EXPECT_EQ(study.model.name, "tiny");
  EXPECT_FALSE(study.model.num_experts);
  EXPECT_TRUE(study.points.empty());
  EXPECT_FALSE(study.threshold || study.cross_task || study.prediction);
}

TEST(SweepFile, ReadsPointsWithTheirEstimates) {
  const Study study = study_of(small_sweep());
  ASSERT_EQ(study.points.size(), 4);
  EXPECT_EQ(study.points[3].method, "uncurl");
  EXPECT_EQ(study.points[3].experts, 4);
  EXPECT_DOUBLE_EQ(study.points[3].results[0].kl->value, 0.9);
  EXPECT_DOUBLE_EQ(study.points[3].results[0].kl->high, 0.92);
  EXPECT_FALSE(study.points[3].results[0].loss);
}

TEST(SweepFile, AnEndThatIsNullLeavesNoInterval) {
  Json file = small_sweep();
  file["points"][0]["results"][0]["kl"]["high"] = nullptr;
  EXPECT_FALSE(study_of(file).points[0].results[0].kl->has_interval());
}

TEST(SweepFile, AMalformedNumberIsNamedWithFileAndKey) {
  Json file = small_sweep();
  file["points"][2]["results"][0]["kl"]["value"] = "0.3";
  EXPECT_EQ(error_in(file),
            "sweep.json: 'points'[2]: 'results'[0]: 'kl': key 'value' should be a number, found \"0.3\"");
}

TEST(SweepFile, AMissingKeyIsNamedWithItsPlace) {
  Json file = small_sweep();
  file["points"][1].erase("method");
  EXPECT_THAT(error_in(file), StartsWith("sweep.json: 'points'[1]: key 'method' is missing"));
}

TEST(SweepFile, AnotherVersionIsRefused) {
  Json file = least_sweep();
  file["version"] = 2;
  EXPECT_THAT(error_in(file), HasSubstr("reads version 1 of sweep.json, found version 2"));
}

TEST(SweepFile, AnIntervalMustNotEndBeforeItBegins) {
  Json file = small_sweep();
  file["points"][0]["results"][0]["kl"]["low"] = 0.5;
  EXPECT_THAT(error_in(file), HasSubstr("expected low <= high, found 0.5 and 0.12"));
}

TEST(SweepFile, UsageNeedsARowForEachTask) {
  Json file = small_sweep();
  file["layers"] = Json::array({{{"layer", 0}, {"usage", {{0.5, 0.5}, {0.2, 0.8}}}}});
  EXPECT_EQ(error_in(file), "sweep.json: 'layers'[0]: 'usage' has 2 rows for 1 tasks");
}

TEST(SweepFile, AffinityMustBeSquareAndEven) {
  Json file = small_sweep();
  file["layers"] = Json::array({{{"layer", 0}, {"affinity", {{1, 0}, {0, 1}, {0, 0}}}}});
  EXPECT_THAT(error_in(file), HasSubstr("'affinity' should be square, found 3 rows of 2"));
  file["layers"][0]["affinity"][1] = Json::array({1});
  EXPECT_THAT(error_in(file), HasSubstr("'affinity'[1]: expected 2 numbers as in the first row, found 1"));
}

TEST(SweepFile, GroupsMustNameExpertsThatExist) {
  Json file = small_sweep();
  Json layer = {{"layer", 0}, {"affinity", {{1, 0}, {0, 1}}}};
  layer["groups"]["uncurl"]["1"] = Json::array({Json::array({0, 2})});
  file["layers"] = Json::array({layer});
  EXPECT_THAT(error_in(file), HasSubstr("'groups' of uncurl at 1 names expert 2, but 'affinity' has 2"));
}

TEST(SweepFile, ACountMustBeANumber) {
  Json file = small_sweep();
  Json layer = {{"layer", 0}};
  layer["error"]["reap"]["four"] = 0.1;
  file["layers"] = Json::array({layer});
  EXPECT_THAT(error_in(file), HasSubstr("'error': 'reap': expected a number of experts as key, found 'four'"));
}

TEST(SweepFile, TheParetoFrontNamesPoints) {
  Json file = small_sweep();
  file["pareto"] = {0, 4};
  EXPECT_EQ(error_in(file), "sweep.json: 'pareto': names point 4 of 4");
}

TEST(SweepFile, CrossTaskNeedsAnEstimateForEveryPair) {
  Json file = small_sweep();
  file["cross_task"] = {{"method", "reap"}, {"experts", 4}, {"tasks", {"a", "b"}}};
  file["cross_task"]["kl"] = Json::array({Json::array({test::estimate(1, 0)})});
  EXPECT_EQ(error_in(file), "sweep.json: 'cross_task': 'kl'[0]: expected one estimate for each of 2 tasks");
}

}  // namespace
}  // namespace uncurl::report
