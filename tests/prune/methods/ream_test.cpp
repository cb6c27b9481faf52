#include <gmock/gmock.h>

#include "tests/prune/observed.h"
#include "uncurl/cluster/algorithms/table.h"
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {
namespace {

/// A layer of TinyOlmoe with inputs whose experts have these REAP scores. Logit columns 0 and 3, 1 and 4, 2 and 5 are
/// nearly the same.
LayerSummary layer_of(const std::vector<double>& saliency) {
  Tensor logits = random_tensor({40, 6}, 7);
  for (const std::int64_t e : {3, 4, 5}) {
    logits.select(1, e).copy_(logits.select(1, e - 3) + 0.01 * random_tensor({40}, static_cast<std::uint64_t>(e)));
  }
  LayerSummary layer = with_inputs(summary_of(logits, {1, 1, 1, 1, 1, 1}));
  layer.sums.gate_norm_sum = doubles(saliency);
  return layer;
}

Groups plan(const LayerSummary& layer, std::int64_t count, const MethodOptions& options = {}) {
  static const TinyOlmoe tiny(6);
  return plan_ream({{layer}, count, options, 0, tiny.model, silent()}).front();
}

MethodOptions comparing(const char* compare, int max_cluster_size = 0) {
  MethodOptions options{.compare = compare};
  options.clustering.max_cluster_size = max_cluster_size;
  return options;
}

TEST(Ream, LetsTheStrongestCentroidTakeItsFillFirst) {
  // 5 is the strongest and takes all others, though 0 and 1 are nearer to 3 and 4.
  const Groups groups = plan(layer_of({5, 4, 1, 2, 3, 6}), 3);
  EXPECT_THAT(members_of(groups), ElementsAre(ElementsAre(0), ElementsAre(1), ElementsAre(2, 3, 4, 5)));
  EXPECT_THAT(anchors_of(groups), ElementsAre(0, 1, 5));
  EXPECT_THAT(groups[2].weights, ElementsAre(1.0 / 12, 2.0 / 12, 3.0 / 12, 6.0 / 12));
}

TEST(Ream, TakesTheMostSimilarOfThoseLeft) {
  EXPECT_THAT(members_of(plan(layer_of({5, 4, 1, 2, 3, 6}), 3, comparing("router-logits", 2))),
              ElementsAre(ElementsAre(0, 3), ElementsAre(1, 4), ElementsAre(2, 5)));
}

TEST(Ream, LeavesProtectedExpertsAlone) {
  MethodOptions options = comparing("router-logits");
  options.protect[0] = {3};
  EXPECT_THAT(members_of(plan(layer_of({5, 4, 1, 2, 3, 6}), 3, options)),
              ElementsAre(ElementsAre(0), ElementsAre(3), ElementsAre(1, 2, 4, 5)));
}

TEST(Ream, WeighsClustersByScoresToo) {
  MethodOptions options = comparing("router-logits");
  options.algorithm = "agglomerative-average";
  const Groups groups = plan(layer_of({5, 4, 1, 2, 3, 6}), 3, options);
  EXPECT_THAT(members_of(groups), ElementsAre(ElementsAre(0, 3), ElementsAre(1, 4), ElementsAre(2, 5)));
  EXPECT_THAT(anchors_of(groups), ElementsAre(0, 1, 5));
  EXPECT_THAT(groups[2].weights, ElementsAre(1.0 / 7, 6.0 / 7));
}

// Logits of 0 and 3, 1 and 4, 2 and 5 are nearly the same, which is half of the similarity.
TEST(Ream, ClustersByItsOwnSimilarityToo) {
  for (const cluster::Algorithm& algorithm : cluster::algorithms()) {
    MethodOptions options;
    options.algorithm = algorithm.name;
    EXPECT_THAT(members_of(plan(layer_of({5, 4, 1, 2, 3, 6}), 3, options)),
                ElementsAre(ElementsAre(0, 3), ElementsAre(1, 4), ElementsAre(2, 5)))
        << algorithm.name;
  }
}

TEST(Ream, GivesMembersWithoutScoresEqualWeights) {
  const Groups groups = plan(layer_of({0, 0, 0, 0, 0, 0}), 2);
  EXPECT_THAT(members_of(groups), ElementsAre(ElementsAre(0, 2, 3, 4, 5), ElementsAre(1)));
  EXPECT_THAT(groups[0].weights, testing::Each(0.2));
}

TEST(Ream, PlansAlignmentByActivationsAndTheAnchorsRow) {
  Observed observed({.num_experts = 6}, Observed::two_sources());
  EXPECT_THAT(error_of([&] { observed.plan({.method = "ream"}, 3); }), HasSubstr("looks at the inputs of layer 0"));
  observed.stats = observe(*observed.model, observed.compute, Observed::two_sources(), {.input_tokens = 30}, {});
  for (const LayerPlan& layer : observed.plan({.method = "ream"}, 3).layers) {
    EXPECT_EQ(layer.match, kMatchActivations);
    EXPECT_EQ(layer.router, "anchor");
  }
  PlanRequest request{.method = "ream"};
  request.align.permute = false;  // nothing is matched
  EXPECT_EQ(observed.plan(request, 3).layers[0].match, kMatchWeights);
}

}  // namespace
}  // namespace uncurl::prune
