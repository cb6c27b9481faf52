#include <gmock/gmock.h>

#include "tests/prune/observed.h"

namespace uncurl::prune {
namespace {

/// Experts 3, 4 and 5 answer nearly as 1, 0 and 2 do, by neurons in another order.
struct Reordered : Planted {
  Reordered()
      : Planted(
            [](const Expert& original, int copy) {
              return reordered({original.gate, original.up, original.down * 1.01},
                               shuffled(static_cast<int>(original.up.size(0)), static_cast<std::uint64_t>(copy)));
            },
            {30, 20, 40, 10, 50, 8}) {}
};

TEST(HcSmoe, MergesExpertsOfSimilarOutputs) {
  const Reordered planted;
  const Plan plan = planted.plan({.method = "hc-smoe"}, 3);
  for (const LayerPlan& layer : plan.layers) {
    EXPECT_THAT(members_of(layer.groups), ElementsAre(ElementsAre(1, 3), ElementsAre(2, 5), ElementsAre(0, 4)));
    EXPECT_THAT(anchors_of(layer.groups), ElementsAre(1, 2, 4));
    EXPECT_EQ(layer.router, kDefaultMergeRouter);
  }
  EXPECT_THAT(plan.layers[0].groups[0].weights, ElementsAre(20.0 / 30, 10.0 / 30));
}

TEST(HcSmoe, LeavesProtectedExpertsAlone) {
  const Reordered planted;
  PlanRequest request{.method = "hc-smoe"};
  request.options.protect[0] = {4};
  EXPECT_THAT(members_of(planted.plan(request, 4).layers[0].groups),
              testing::UnorderedElementsAre(ElementsAre(4), ElementsAre(0), ElementsAre(1, 3), ElementsAre(2, 5)));
}

// The same groups by any clustering of outputs; neither the weights, in another order, nor the router know of them.
TEST(HcSmoe, TakesAnyClusteringAndWhatIsCompared) {
  const Reordered planted;
  const auto groups = [&](const char* clustering, const char* compare) {
    PlanRequest request{.method = "hc-smoe"};
    request.options.algorithm = clustering;
    request.options.compare = compare;
    return members_of(planted.plan(request, 3).layers[0].groups);
  };
  const auto expected = testing::UnorderedElementsAre(ElementsAre(0, 4), ElementsAre(1, 3), ElementsAre(2, 5));
  for (const char* clustering : {"spectral", "kmeans", "agglomerative-single", "agglomerative-average",
                                 "agglomerative-complete", "agglomerative-ward", "balanced"}) {
    EXPECT_THAT(groups(clustering, "expert-outputs"), expected) << clustering;
  }
  for (const char* compare : {"weights", "router-rows", "router-logits"}) {
    EXPECT_THAT(groups("agglomerative-average", compare), testing::Not(expected)) << compare;
  }
}

TEST(HcSmoe, NeedsInputsOnlyToCompareOutputs) {
  const Observed observed;
  EXPECT_THAT(error_of([&] { observed.plan({.method = "hc-smoe"}, 2); }),
              HasSubstr("method hc-smoe looks at the inputs of layer 0"));
  PlanRequest request{.method = "hc-smoe"};
  request.options.compare = "router-rows";
  EXPECT_EQ(observed.plan(request, 2).layers[0].groups.size(), 2u);
}

TEST(HcSmoe, HasNoSizeLimitUnlessItsClusteringHas) {
  const Reordered planted;
  PlanRequest request{.method = "hc-smoe"};
  request.options.clustering.max_cluster_size = 2;
  EXPECT_THAT(error_of([&] { planted.plan(request, 3); }),
              HasSubstr("layer 0: clustering agglomerative-average of method hc-smoe cannot hold groups to a "
                        "--max-cluster-size; choose --clustering spectral or kmeans"));
  request.options.algorithm = "kmeans";
  EXPECT_EQ(planted.plan(request, 3).layers[0].groups.size(), 3u);
}

}  // namespace
}  // namespace uncurl::prune
