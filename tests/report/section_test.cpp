// The sentences that open the sections: each from numbers planted in a file.
#include "uncurl/report/section.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/report/samples.h"

namespace uncurl::report {
namespace {

using test::estimate;
using test::point;
using test::small_sweep;
using test::study_of;
using ::testing::HasSubstr;

TEST(Section, RankingNamesTheMethodThatLosesLeastAtHalfTheExperts) {
  EXPECT_EQ(ranking_section(study_of(small_sweep()))->takeaway,
            "reap loses least at 4 experts: 0.200 (0.180–0.220) nats a token.");
}

TEST(Section, RankingTellsWhoCannotBeToldApart) {
  Json file = small_sweep();
  file["points"].push_back(point("frequency", 4, 0.23));  // 0.21 to 0.25
  EXPECT_THAT(ranking_section(study_of(file))->takeaway, HasSubstr("the interval of one other method overlaps"));
}

// The intervals of the losses overlap in both cases; what is paired by row decides.
TEST(Section, RankingTellsApartByPairsWhereTheFileHasThem) {
  Json file = small_sweep();
  file["points"].push_back(point("frequency", 4, 0.21));
  file["points"].push_back(point("easy-ep", 4, 0.21));
  Json& points = file["points"];
  points[1]["kl_beyond_least"] = nullptr;  // reap, the best
  points[3]["kl_beyond_least"] = estimate(0.7, 0.05);
  points[4]["kl_beyond_least"] = estimate(0.01, 0.005);
  points[5]["kl_beyond_least"] = estimate(0.01, 0.015);
  const Section section = *ranking_section(study_of(file));
  EXPECT_EQ(section.takeaway,
            "reap loses least at 4 experts: 0.200 (0.180–0.220) nats a token; paired by row, 1 other "
            "method cannot be told apart from it.");
  EXPECT_THAT(section.body.markup(), HasSubstr("<td>0.0100 (0.0050–0.0150)</td>"));
}

TEST(Section, RankingListsTheLeastLostFirst) {
  const std::string body = ranking_section(study_of(small_sweep()))->body.markup();
  const std::string table = body.substr(body.find("<tbody>"));
  EXPECT_LT(table.find("reap"), table.find("uncurl"));
}

TEST(Section, QualityTellsTheThresholdWithItsInterval) {
  Json file = small_sweep();
  const Json reap = {{"method", "reap"}, {"experts", 4}, {"low", 4}, {"high", 6}};
  const Json uncurl = {{"method", "uncurl"}, {"experts", nullptr}, {"low", nullptr}, {"high", nullptr}};
  file["threshold"] = {{"tolerance", 0.25}, {"measure", "loss"}, {"methods", Json::array({uncurl, reap})}};
  const Section section = *quality_section(study_of(file));
  EXPECT_EQ(section.takeaway, "reap stays within 0.25 nats of the original's loss down to 4 experts (4–6).");
  EXPECT_THAT(section.body.markup(), HasSubstr("<td class=\"label\">uncurl</td><td>none</td><td>–</td>"));
}

TEST(Section, QualityCountsTheMethodsThatShareTheThreshold) {
  Json file = small_sweep();
  const Json reap = {{"method", "reap"}, {"experts", 6}, {"low", 6}, {"high", 6}};
  const Json uncurl = {{"method", "uncurl"}, {"experts", 6}, {"low", 6}, {"high", 8}};
  file["threshold"] = {{"tolerance", 0.5}, {"methods", Json::array({uncurl, reap})}};
  EXPECT_EQ(quality_section(study_of(file))->takeaway,
            "2 of 2 methods stay within 0.5 nats of the original's loss down to 6 experts, none with fewer.");
}

// Predictions are worth least where the counts are alike, so those have numbers of their own.
TEST(Section, PredictionTellsCorrelationsByCount) {
  Json file = small_sweep();
  for (Json& point : file["points"]) point["predicted_error"] = point["results"][0]["kl"]["value"];
  file["prediction"] = {{"spearman", estimate(0.8, 0.1)}, {"pairs", 4}};
  file["prediction"]["by_count"] = Json::array({{{"experts", 6}, {"spearman", estimate(0.5, 0.2)}, {"pairs", 2}}});
  const Section section = *prediction_section(study_of(file));
  EXPECT_THAT(section.takeaway, HasSubstr("0.800 (0.700–0.900) (Spearman) over 4 plans"));
  EXPECT_THAT(section.body.markup(), HasSubstr("<td>2</td><td>0.500 (0.300–0.700)</td>"));
}

TEST(Section, QualityOfOneCountIsLeftToTheRanking) {
  Json file = small_sweep();
  file["points"] = Json::array({point("reap", 4, 0.2)});
  EXPECT_FALSE(quality_section(study_of(file)));
  EXPECT_EQ(ranking_section(study_of(file))->takeaway, "reap loses 0.200 (0.180–0.220) nats a token at 4 experts.");
}

TEST(Section, SizeNamesTheMethodsOfTheFront) {
  Json file = small_sweep();
  file["pareto"] = {0, 3};
  EXPECT_EQ(size_section(study_of(file))->takeaway, "The best choices at some size come from reap and uncurl.");
  file["pareto"] = {0, 1};
  EXPECT_EQ(size_section(study_of(file))->takeaway, "At every size reap loses least.");
}

// The top quarter of 8 experts is 2: 0.4 + 0.2.
TEST(Section, UsageTellsTheShareOfTheTopQuarter) {
  Json file = small_sweep();
  file["layers"] = Json::array({{{"layer", 0}, {"usage", {{0.1, 0.4, 0.1, 0.2, 0.1, 0.1, 0, 0}}}}});
  EXPECT_THAT(usage_section(study_of(file))->takeaway, HasSubstr("takes 60% on math of the selections"));
}

// Pairs: (1,0) apart 0.1, (2,0) together 0.8, (2,1) apart 0.3.
TEST(Section, AffinityComparesInsideAndOutsideOfClusters) {
  Json file = small_sweep();
  Json layer = {{"layer", 0}, {"affinity", {{1, 0.1, 0.8}, {0.1, 1, 0.3}, {0.8, 0.3, 1}}}};
  layer["groups"]["uncurl"]["2"] = {{1}, {0, 2}};
  file["layers"] = Json::array({layer});
  const Section section = *affinity_section(study_of(file));
  EXPECT_EQ(section.takeaway,
            "Experts that are merged by uncurl at 2 experts have a mean affinity of 0.800; those kept apart, 0.200.");
  EXPECT_THAT(section.body.markup(), HasSubstr("clusters of 2 and 1 expert alone."));
  EXPECT_THAT(section.body.markup(), HasSubstr("<td>2, 1</td>"));  // the sizes, largest first
}

TEST(Section, LayersNamesTheHardest) {
  Json file = small_sweep();
  Json easy = {{"layer", 0}}, hard = {{"layer", 1}};
  easy["error"]["reap"] = {{"6", 0.1}, {"4", 0.2}};
  hard["error"]["reap"] = {{"6", 0.3}, {"4", 0.6}};
  file["layers"] = {easy, hard};
  EXPECT_EQ(
      layer_error_section(study_of(file))->takeaway,
      "Layer 1 is the hardest to shrink: with reap at 4 experts the error of its output is 0.600, that of layer 0 "
      "0.200.");
}

TEST(Section, CrossTaskNamesThePairThatGeneralisesLeast) {
  Json file = small_sweep();
  file["cross_task"] = {{"method", "reap"}, {"experts", 4}, {"tasks", {"math", "code"}}};
  file["cross_task"]["kl"] = {{estimate(0.1, 0), estimate(0.6, 0)}, {estimate(0.2, 0), estimate(0.2, 0)}};
  EXPECT_EQ(
      cross_task_section(study_of(file))->takeaway,
      "A model pruned for math loses 3.0 times as much on code as one pruned for code itself (0.600 against 0.200 "
      "nats).");
}

TEST(Section, TimingsTellTheSumAndTheLongest) {
  Json file = small_sweep();
  file["timings"] = {{"observe", 30}, {"cross_task", 90}};
  EXPECT_EQ(timing_section(study_of(file))->takeaway, "2m 00s in all, 75% of it for cross task.");
}

}  // namespace
}  // namespace uncurl::report
