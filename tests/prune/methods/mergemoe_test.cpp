#include <gmock/gmock.h>

#include "tests/prune/observed.h"

namespace uncurl::prune {
namespace {

/// A tiny model whose experts 3, 4 and 5 are nearly 1, 0 and 2, with the inputs of some tokens.
struct Planted : Observed {
  Planted() {
    const test::TinyModel tiny{.num_experts = 6};
    test::TensorMap tensors = test::tiny_tensors(tiny);
    const auto find = [&](int layer, int expert, const char* part) -> Tensor& {
      return tensors.at(concat("model.layers.", layer, ".mlp.experts.", expert, ".", part, ".weight"));
    };
    for (const int layer : {0, 1}) {
      for (const auto& [copy, of] : {std::pair{3, 1}, {4, 0}, {5, 2}}) {
        for (const char* part : {"gate_proj", "up_proj"}) {
          const Tensor original = find(layer, of, part);
          find(layer, copy, part) = original + 0.01 * random_tensor(original.sizes().vec(), 77);
        }
      }
    }
    test::write_checkpoint(folder / "planted", test::tiny_config(tiny), tensors);
    model = std::make_unique<const model::Model>(model::open_model(folder / "planted"));
    stats = observe(*model, compute, two_sources(), {.input_tokens = 30}, {});
    for (LayerStats& layer : stats.layers) {  // 0, 1 and 2 are used most
      for (ExpertSums& sums : layer.sources) sums.count = doubles({30, 20, 40, 10, 5, 8});
    }
  }
};

TEST(MergeMoe, JoinsEachExpertWithTheCentreOfTheNearestWeights) {
  const Planted planted;
  const Plan plan = planted.plan({.method = "mergemoe"}, 3);
  for (const LayerPlan& layer : plan.layers) {
    EXPECT_THAT(members_of(layer.groups), ElementsAre(ElementsAre(0, 4), ElementsAre(1, 3), ElementsAre(2, 5)));
    EXPECT_THAT(anchors_of(layer.groups), ElementsAre(0, 1, 2));
    EXPECT_EQ(layer.merge, kMergeLeastSquares);
  }
  EXPECT_THAT(plan.layers[0].groups[0].weights, ElementsAre(30.0 / 35, 5.0 / 35));
}

TEST(MergeMoe, LeavesProtectedExpertsAlone) {
  const Planted planted;
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
