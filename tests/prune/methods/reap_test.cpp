#include <gmock/gmock.h>

#include "tests/prune/fixtures.h"
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {
namespace {

std::vector<LayerSummary> hand_made() {
  std::vector<LayerSummary> layers = {summary_of_counts({10, 2, 0, 5})};
  layers[0].sums.norm_sum = doubles({50, 4, 0, 30});
  layers[0].sums.gate_norm_sum = doubles({20, 8, 0, 5});                 // means 2, 4, -, 1
  layers[0].sums.renormalized_gate_norm_sum = doubles({20, 2, 0, 7.5});  // means 2, 1, -, 1.5
  return layers;
}

TEST(Reap, KeepsTheLargestMeansOfGateTimesNorm) {
  EXPECT_THAT(anchors_of(plan_reap({hand_made(), 2, {}, 0, any_model(), silent()})[0]), ElementsAre(0, 1));
}

TEST(Reap, LooksAtRenormalisedGatesWhenAsked) {
  EXPECT_THAT(anchors_of(plan_reap({hand_made(), 2, {.renormalize_gates = true}, 0, any_model(), silent()})[0]),
              ElementsAre(0, 3));
}

TEST(Reap, ScoresAnExpertThatWasNeverChosenZero) {
  EXPECT_THAT(anchors_of(plan_reap({hand_made(), 3, {}, 0, any_model(), silent()})[0]), ElementsAre(0, 1, 3));
}

TEST(Ean, KeepsTheLargestSumsOfNorms) {
  EXPECT_THAT(anchors_of(plan_ean({hand_made(), 2, {}, 0, any_model(), silent()})[0]), ElementsAre(0, 3));
}

}  // namespace
}  // namespace uncurl::prune
