#include <gmock/gmock.h>

#include "tests/prune/fixtures.h"
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {
namespace {

TEST(Frequency, KeepsTheExpertsChosenMostOften) {
  const std::vector<LayerSummary> layers = {summary_of_counts({5, 1, 7, 5}, 0), summary_of_counts({1, 2, 0, 2}, 1)};
  const std::vector<Groups> plans = plan_frequency({layers, 2, {}, 0, any_model(), silent()});
  EXPECT_THAT(anchors_of(plans[0]), ElementsAre(0, 2));  // 0 and 3 tie: the lower number
  EXPECT_THAT(anchors_of(plans[1]), ElementsAre(1, 3));
}

TEST(SoftFrequency, KeepsTheLargestSumsOfGates) {
  std::vector<LayerSummary> layers = {summary_of_counts({100, 1, 1, 100})};
  layers[0].sums.gate_sum = doubles({1.0, 3.0, 2.0, 0.5});
  EXPECT_THAT(anchors_of(plan_soft_frequency({layers, 2, {}, 0, any_model(), silent()})[0]), ElementsAre(1, 2));
}

}  // namespace
}  // namespace uncurl::prune
