#include "uncurl/prune/planner.h"

#include <gmock/gmock.h>

#include "tests/prune/fixtures.h"

namespace uncurl::prune {
namespace {

/// Layers 0 and 1, each observed on one source with these selection counts.
RoutingStats stats_of(const std::vector<std::vector<double>>& counts) {
  RoutingStats stats{.provenance = {{"model_fingerprint", "abc"}, {"model_type", "olmoe"}}};
  stats.sources = {{.name = "task", .num_tokens = 40}};
  stats.sample_source = at::zeros({40}, at::kLong);
  for (std::size_t layer = 0; layer < counts.size(); ++layer) {
    const LayerSummary made = summary_of_counts(counts[layer]);
    stats.layers.push_back(
        {.layer = static_cast<std::int64_t>(layer), .sources = {made.sums}, .sample_logits = made.sample_logits});
  }
  return stats;
}

RoutingStats five_experts() { return stats_of({{5, 4, 3, 2, 1}, {1, 2, 3, 4, 5}}); }

Plan plan_of(const PlanRequest& request, std::int64_t count = 3, const Listener& listener = {}) {
  return make_plan(TinyOlmoe(5).model, five_experts(), count, request, listener);
}

TEST(MakePlan, CarriesWhereItCameFrom) {
  const Plan plan = plan_of({.method = "frequency", .ridge = 0.5, .seed = 7});
  EXPECT_EQ(plan.model_fingerprint, "abc");
  EXPECT_EQ(plan.model_type, "olmoe");
  EXPECT_EQ(plan.seed, 7u);
  EXPECT_EQ(plan.ridge, 0.5);
  EXPECT_EQ(plan.options["method"], "frequency");
  EXPECT_EQ(plan.options["experts"], 3);
}

TEST(MakePlan, SlicesWhenDroppingAndTakesTheRuleOfMergingOtherwise) {
  EXPECT_EQ(plan_of({.method = "frequency"}).layers[0].router, "slice");
  EXPECT_EQ(plan_of({.method = "uncurl"}).layers[0].router, kDefaultMergeRouter);
  EXPECT_EQ(plan_of({.method = "uncurl", .router = "wmean"}).layers[0].router, "wmean");
}

TEST(MakePlan, TakesAnotherMethodForOneLayer) {
  const Plan plan = plan_of({.method = "uncurl", .layer_methods = {{1, "frequency"}}});
  EXPECT_EQ(plan.layers[0].method, "uncurl");
  EXPECT_EQ(plan.layers[1].method, "frequency");
  EXPECT_EQ(plan.layers[1].router, "slice");
  EXPECT_THAT(anchors_of(plan.layers[1].groups), ElementsAre(2, 3, 4));
}

TEST(MakePlan, TakesAnotherCountForOneLayerIfCountsMayDiffer) {
  const PlanRequest request{.method = "frequency", .layer_experts = {{1, 2}}, .allow_mixed_counts = true};
  const Plan plan = plan_of(request);
  EXPECT_THAT(anchors_of(plan.layers[0].groups), ElementsAre(0, 1, 2));
  EXPECT_THAT(anchors_of(plan.layers[1].groups), ElementsAre(3, 4));
}

TEST(MakePlan, DoesNotHoldALayerToTheCountOfAnother) {  // two experts are too few for layer 0, which keeps four
  PlanRequest request{.method = "frequency", .layer_experts = {{1, 2}}, .allow_mixed_counts = true};
  request.options.protect[0] = {2, 3, 4};
  EXPECT_THAT(anchors_of(plan_of(request, 4).layers[0].groups), ElementsAre(0, 2, 3, 4));
}

TEST(MakePlan, RefusesMoreExpertsThanALayerHas) {  // a checkpoint that was pruned to different counts before
  TinyOlmoe tiny(5);
  tiny.model.config.layers[1].num_experts = 3;
  const RoutingStats stats = stats_of({{5, 4, 3, 2, 1}, {1, 2, 3}});
  EXPECT_THAT(error_of([&] { make_plan(tiny.model, stats, 4, {.method = "frequency"}, {}); }),
              HasSubstr("layer 1: cannot keep 4 experts, it has 3"));
}

TEST(MakePlan, WeighsTheSources) {
  RoutingStats stats = stats_of({{9, 0, 1, 1}, {9, 0, 1, 1}});
  for (LayerStats& layer : stats.layers) {
    layer.sources.push_back(layer.sources[0]);
    layer.sources[1].count = doubles({0, 8, 1, 1});
  }
  stats.sources.push_back({.name = "other", .num_tokens = 40});
  const auto most_used = [&](std::vector<double> weights) {
    PlanRequest request{.method = "uncurl", .weights = std::move(weights)};
    TinyOlmoe tiny(4);
    tiny.model.config.routing.top_k = 1;
    return make_plan(tiny.model, stats, 1, request, {}).layers[0].groups[0].anchor;
  };
  EXPECT_EQ(most_used({}), 0);
  EXPECT_EQ(most_used({1, 3}), 1);
}

TEST(MakePlan, ScalesKeptExpertsDownWhereGatesRise) {
  const Plan plan = plan_of({.method = "frequency", .compensate = true});
  for (const ExpertGroup& group : plan.layers[0].groups) EXPECT_LT(group.scale, 1);
}

TEST(MakePlan, SaysHowMuchGatesRiseAndWhichStrongExpertsAreLost) {
  std::vector<std::string> notes, warnings;
  const Listener listener{.on_note = [&](const std::string& text) { notes.push_back(text); },
                          .on_warning = [&](const std::string& text) { warnings.push_back(text); }};
  RoutingStats stats = five_experts();
  stats.layers[0].sources[0].norm_max = doubles({1, 1, 1, 25, 1});
  make_plan(TinyOlmoe(5).model, stats, 3, {.method = "frequency"}, listener);
  EXPECT_THAT(notes, ElementsAre(HasSubstr("layer 0: this router does not renormalise"), HasSubstr("layer 1:")));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("layer 0: expert 3 has outputs up to 25 times")));
}

TEST(MakePlan, WarnsOfAGroupThatSwallowsMostExperts) {
  std::vector<std::string> warnings;
  const Listener listener{.on_warning = [&](const std::string& text) { warnings.push_back(text); }};
  // Experts 0 to 3 have the same logits, the other two their own.
  const Tensor shared = random_tensor({40, 1}, 1), own = random_tensor({40, 2}, 2);
  const LayerSummary made = summary_of(at::cat({shared, shared, shared, shared, own}, 1), {1, 1, 1, 1, 1, 1});
  RoutingStats stats = stats_of({{1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1}});
  stats.layers[1].sources[0] = made.sums;
  PlanRequest request{.method = "uncurl"};
  request.options.affinity = cluster::AffinityOptions();  // the paper's
  make_plan(TinyOlmoe(6).model, stats, 3, request, listener);
  EXPECT_THAT(warnings, testing::Contains(HasSubstr("layer 1: one group holds 4 of 6 experts")));
}

}  // namespace
}  // namespace uncurl::prune
