#include <gmock/gmock.h>

#include "tests/prune/observed.h"

namespace uncurl::prune {
namespace {

/// Experts 3, 4 and 5 have nearly the gate and up rows of 1, 0 and 2, which are used most.
struct Noised : Planted {
  Noised()
      : Planted(
            [](const Expert& original, int) {
              const auto noised = [](const Tensor& rows) {
                return rows + 0.01 * random_tensor(rows.sizes().vec(), 77);
              };
              return Expert{.gate = noised(original.gate), .up = noised(original.up), .down = {}};
            },
            {30, 20, 40, 10, 5, 8}) {}
};

TEST(MergeMoe, JoinsEachExpertWithTheCentreOfTheNearestWeights) {
  const Noised planted;
  const Plan plan = planted.plan({.method = "mergemoe"}, 3);
  for (const LayerPlan& layer : plan.layers) {
    EXPECT_THAT(members_of(layer.groups), ElementsAre(ElementsAre(0, 4), ElementsAre(1, 3), ElementsAre(2, 5)));
    EXPECT_THAT(anchors_of(layer.groups), ElementsAre(0, 1, 2));
    EXPECT_EQ(layer.merge, kMergeLeastSquares);
  }
  EXPECT_THAT(plan.layers[0].groups[0].weights, ElementsAre(30.0 / 35, 5.0 / 35));
}

TEST(MergeMoe, LeavesProtectedExpertsAlone) {
  const Noised planted;
  PlanRequest request{.method = "mergemoe"};
  request.options.protect[0] = {4};
  EXPECT_THAT(members_of(planted.plan(request, 3).layers[0].groups), testing::Contains(ElementsAre(4)));
}

TEST(MergeMoe, NeedsInputs) {
  const Observed observed;
  EXPECT_THAT(error_of([&] { observed.plan({.method = "mergemoe"}, 2); }),
              HasSubstr("method mergemoe looks at the inputs of layer 0, which these statistics do not hold; observe "
                        "again with --keep-inputs 4096"));
}

}  // namespace
}  // namespace uncurl::prune
