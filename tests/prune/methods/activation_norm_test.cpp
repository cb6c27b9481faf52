#include <gmock/gmock.h>

#include "tests/prune/fixtures.h"
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {
namespace {

std::vector<LayerSummary> hand_made() {
  std::vector<LayerSummary> layers = {summary_of_counts({10, 2, 0, 5})};
  layers[0].sums.norm_sum = doubles({50, 4, 0, 30});           // means 5, 2, -, 6
  layers[0].sums.norm_square_sum = doubles({900, 8, 0, 190});  // means 90, 4, -, 38
  return layers;
}

TEST(Man, KeepsTheLargestMeansOfNorms) {
  EXPECT_THAT(anchors_of(plan_man({hand_made(), 1, {}, 0, any_model(), silent()})[0]), ElementsAre(3));
}

TEST(Msan, KeepsTheLargestMeansOfSquaredNorms) {
  EXPECT_THAT(anchors_of(plan_msan({hand_made(), 1, {}, 0, any_model(), silent()})[0]), ElementsAre(0));
}

TEST(ManAndMsan, ScoreAnExpertThatWasNeverChosenZero) {
  EXPECT_THAT(anchors_of(plan_man({hand_made(), 3, {}, 0, any_model(), silent()})[0]), ElementsAre(0, 1, 3));
  EXPECT_THAT(anchors_of(plan_msan({hand_made(), 3, {}, 0, any_model(), silent()})[0]), ElementsAre(0, 1, 3));
}

}  // namespace
}  // namespace uncurl::prune
