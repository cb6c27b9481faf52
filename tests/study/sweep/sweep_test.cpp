#include "uncurl/study/sweep/sweep.h"

#include <gmock/gmock.h>

#include "tests/prune/fixtures.h"

namespace uncurl::study {
namespace {

using testing::ElementsAre;

const model::ModelConfig kConfig = prune::two_layer_config(8);

/// A point at which layers were predicted to lose so much.
Point predicted(const PointRequest& request, const std::vector<double>& errors, double kl) {
  return {.key = {},
          .method = request.name,
          .router = {},
          .experts = request.experts,
          .experts_of_layer = {},
          .error_of_layer = errors,
          .groups = {},
          .rows = {{.tokens = 1, .kl = kl}}};
}

TEST(FirstPoints, AreEveryMethodAtEveryCountMergingOnesWithEveryRouter) {
  const SweepRequest request{.methods = {"uncurl", "reap"}, .routers = {"wmean", "anchor"}, .counts = {6, 4}};
  std::vector<std::string> found;
  for (const PointRequest& point : first_points(kConfig, request)) {
    found.push_back(point.name + " " + point.plan.router.value_or("-") + " " + std::to_string(point.experts));
  }
  EXPECT_THAT(found, ElementsAre("uncurl wmean 6", "uncurl anchor 6", "reap - 6", "uncurl wmean 4", "uncurl anchor 4",
                                 "reap - 4"));
}

TEST(FirstPoints, LeaveMergingMethodsTheirOwnRoutersUnlessTold) {
  const SweepRequest request{.methods = {"ream", "reap"}, .routers = {}, .counts = {4}};
  for (const PointRequest& point : first_points(kConfig, request)) EXPECT_FALSE(point.plan.router) << point.name;
}

TEST(FirstPoints, RefuseWhatCannotBecomeAPlan) {
  EXPECT_THROW(first_points(kConfig, {.methods = {"reap"}, .routers = {"wmean"}, .counts = {1}}), Error);  // top-2
  EXPECT_THROW(first_points(kConfig, {.methods = {"no such"}, .routers = {"wmean"}, .counts = {4}}), Error);
}

class Advised : public testing::Test {
 protected:
  const SweepRequest request_{
      .methods = {"reap", "ean"}, .routers = {"wmean"}, .counts = {6, 4}, .allow_mixed_counts = true};
  const std::vector<PointRequest> requests_ = first_points(kConfig, request_);
  // reap 6, ean 6, reap 4, ean 4; reap is the better in layer 0, ean in layer 1. Without experts of layer 1 reap loses
  // little (0.25), without those of layer 0 much (0.9).
  const std::vector<Point> points_ = {
      predicted(requests_[0], {0.1, 0.2}, 0.5), predicted(requests_[1], {0.3, 0.1}, 0.4),
      predicted(requests_[2], {0.9, 0.25}, 2.0), predicted(requests_[3], {0.8, 0.7}, 1.0)};
};

TEST_F(Advised, AutoTakesTheMethodOfLeastErrorInEachLayer) {
  const std::vector<PointRequest> advised = advised_points(kConfig, request_, requests_, points_);
  ASSERT_EQ(advised.front().name, "auto");
  EXPECT_EQ(advised.front().plan.layer_methods, (std::map<std::int64_t, std::string>{{0, "reap"}, {1, "ean"}}));
  EXPECT_EQ(advised.front().experts, 6);
}

TEST_F(Advised, MixedCountsSpendTheTotalWhereItSavesMost) {
  const std::vector<PointRequest> advised = advised_points(kConfig, request_, requests_, points_);
  // reap at 12 experts in total: 6 and 6 lose 0.3, 8 and 4 lose 0 + 0.25.
  const auto reap =
      std::find_if(advised.begin(), advised.end(), [](const PointRequest& point) { return point.name == "reap"; });
  ASSERT_NE(reap, advised.end());
  EXPECT_TRUE(reap->plan.allow_mixed_counts);
  EXPECT_EQ(reap->plan.layer_experts, (std::map<std::int64_t, std::int64_t>{{0, 8}, {1, 4}}));
  // ean loses 0.3 + 0.1 at 6 and 6, more at 8 and 4: equal counts again, which are a point already.
  const auto is_ean = [](const PointRequest& point) { return point.name == "ean"; };
  EXPECT_TRUE(std::none_of(advised.begin(), advised.end(), is_ean));
}

TEST_F(Advised, NothingIsWithoutPredictions) {
  std::vector<Point> unpredicted = points_;
  for (Point& point : unpredicted) point.error_of_layer.clear();
  EXPECT_TRUE(advised_points(kConfig, request_, requests_, unpredicted).empty());
}

TEST_F(Advised, CrossTaskPrunesForEachSourceWithTheBestMethodAtHalfTheExperts) {
  const std::vector<PointRequest> alone = cross_task_points(kConfig, 2, requests_, points_);
  ASSERT_EQ(alone.size(), 2u);
  EXPECT_EQ(alone[0].name, "ean");
  EXPECT_EQ(alone[0].experts, 4);
  EXPECT_EQ(alone[1].source, 1u);
  EXPECT_TRUE(cross_task_points(kConfig, 1, requests_, points_).empty());
}

}  // namespace
}  // namespace uncurl::study
