#include "uncurl/prune/plan.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/prune/fixtures.h"

namespace uncurl::prune {
namespace {

/// Two layers of five experts: three groups in each, one of them merged.
Plan good_plan() {
  Plan plan{.model_type = "olmoe", .ridge = 0.01};
  for (const std::int64_t layer : {0, 1}) {
    plan.layers.push_back({.layer = layer,
                           .method = "by hand",
                           .router = "lse",
                           .groups = {single_group(0), merged_group({1, 3}, 3, {0.25, 0.75}), single_group(4)}});
  }
  return plan;
}

std::string fault(const Plan& plan) {
  return error_of([&] { check_plan(plan, two_layer_config(5)); });
}

/// The fault of the good plan with its merged group in layer 1 changed.
template <class Change>
std::string fault_of_group(Change change) {
  Plan plan = good_plan();
  change(plan.layers[1].groups[1]);
  return fault(plan);
}

TEST(CheckPlan, AcceptsAPlanThatKeepsMergesAndDrops) { EXPECT_NO_THROW(check_plan(good_plan(), two_layer_config(5))); }

TEST(CheckPlan, RefusesAPlanForAnotherModel) {
  Plan plan = good_plan();
  plan.model_type = "mixtral";
  EXPECT_THAT(fault(plan), HasSubstr("the plan is for a mixtral model, this is olmoe"));
}

TEST(CheckPlan, RefusesALayerThatIsMissingOrTwice) {
  Plan plan = good_plan();
  plan.layers.pop_back();
  EXPECT_THAT(fault(plan), HasSubstr("the plan has 1 layers, the model has 2 with experts"));
  plan = good_plan();
  plan.layers[1].layer = 0;
  EXPECT_THAT(fault(plan), HasSubstr("entry 1 of the plan is for layer 0, expected layer 1"));
}

/// Four of six experts, in a model whose router chooses among two groups: {0, 1, 2} and {3, 4, 5}.
void check_in_router_groups(const Groups& groups) {
  model::ModelConfig config = two_layer_config(6);
  config.routing.num_groups = 2;
  Plan plan{.model_type = "olmoe", .ridge = 0.01};
  for (const std::int64_t layer : {0, 1}) plan.layers.push_back({layer, "by hand", "lse", groups});
  check_plan(plan, config);
}

std::string fault_in_router_groups(const Groups& groups) {
  return error_of([&] { check_in_router_groups(groups); });
}

TEST(CheckPlan, KeepsExpertsInTheirRouterGroup) {
  EXPECT_NO_THROW(
      check_in_router_groups({single_group(0), merged_group({1, 2}, 2, {0.5, 0.5}), single_group(3), single_group(5)}));
  EXPECT_THAT(fault_in_router_groups({single_group(0), single_group(1), single_group(2), single_group(5)}),
              HasSubstr("group 2 holds expert 2 of router group 0, but becomes an expert of router group 1"));
  EXPECT_THAT(
      fault_in_router_groups({merged_group({0, 4}, 0, {0.5, 0.5}), single_group(1), single_group(3), single_group(5)}),
      HasSubstr("group 0 holds expert 4 of router group 1"));
  EXPECT_THAT(fault_in_router_groups({single_group(0), single_group(3), single_group(5)}),
              HasSubstr("keeps 3 experts, but its router chooses among 2 equal groups"));
}

TEST(CheckPlan, RefusesAnExpertOutOfRange) {
  EXPECT_THAT(fault_of_group([](ExpertGroup& group) {
                group.members = {1, 5};
              }),
              HasSubstr("layer 1: group 1: names expert 5, but the layer has experts 0 to 4"));
  EXPECT_THAT(fault_of_group([](ExpertGroup& group) { group.members = {-1, 3}; }), HasSubstr("names expert -1"));
}

TEST(CheckPlan, RefusesAnExpertInTwoGroups) {
  EXPECT_THAT(fault_of_group([](ExpertGroup& group) {
                group.members = {0, 3};
              }),
              HasSubstr("names expert 0, which stands in the layer's groups twice"));
  EXPECT_THAT(fault_of_group([](ExpertGroup& group) { group.members = {3, 3}; }), HasSubstr("names expert 3, which"));
}

TEST(CheckPlan, RefusesAGroupWithoutMembers) {
  EXPECT_THAT(fault_of_group([](ExpertGroup& group) { group.members = {}; }), HasSubstr("has no members"));
}

TEST(CheckPlan, RefusesMembersOutOfOrder) {
  EXPECT_THAT(fault_of_group([](ExpertGroup& group) { group.members = {3, 1}; }), HasSubstr("out of order"));
}

TEST(CheckPlan, RefusesAnAnchorThatIsNoMember) {
  EXPECT_THAT(fault_of_group([](ExpertGroup& group) { group.anchor = 2; }),
              HasSubstr("has anchor 2, which is not one of its members"));
}

TEST(CheckPlan, RefusesBadWeights) {
  EXPECT_THAT(fault_of_group([](ExpertGroup& group) { group.weights = {1}; }), HasSubstr("1 weights for 2 members"));
  EXPECT_THAT(fault_of_group([](ExpertGroup& group) { group.weights = {-0.5, 1.5}; }), HasSubstr("has weight -0.5"));
  EXPECT_THAT(fault_of_group([](ExpertGroup& group) { group.weights = {NAN, 1}; }), HasSubstr("has weight nan"));
  EXPECT_THAT(fault_of_group([](ExpertGroup& group) { group.weights = {0.5, 0.25}; }), HasSubstr("sum to 0.75"));
}

TEST(CheckPlan, RefusesAScaleThatIsNotPositive) {
  EXPECT_THAT(fault_of_group([](ExpertGroup& group) { group.scale = 0; }), HasSubstr("has scale 0"));
  EXPECT_THAT(fault_of_group([](ExpertGroup& group) { group.scale = INFINITY; }), HasSubstr("has scale inf"));
}

TEST(CheckPlan, RefusesFewerGroupsThanExpertsPerToken) {
  Plan plan = good_plan();
  for (LayerPlan& layer : plan.layers) layer.groups.resize(1);
  EXPECT_THAT(fault(plan), HasSubstr("layer 0: keeps 1 experts, but each token needs 2"));
}

TEST(CheckPlan, RefusesCountsThatDifferUnlessAllowed) {
  Plan plan = good_plan();
  plan.layers[1].groups.pop_back();
  EXPECT_THAT(fault(plan), HasSubstr("layer 1 keeps 2 experts and layer 0 keeps 3"));
  plan.allow_mixed_counts = true;
  EXPECT_NO_THROW(check_plan(plan, two_layer_config(5)));
}

TEST(CheckPlan, RefusesUnknownWaysToMatchNeurons) {
  Plan plan = good_plan();
  plan.layers[1].match = kMatchActivations;
  EXPECT_NO_THROW(check_plan(plan, two_layer_config(5)));
  plan.layers[1].match = "names";
  EXPECT_THAT(fault(plan), HasSubstr("layer 1: matches neurons by 'names'; there is weights, weights-and-activations"));
}

TEST(CheckPlan, RefusesToSliceMergedGroups) {
  Plan plan = good_plan();
  plan.layers[0].router = "slice";
  EXPECT_THAT(fault(plan), HasSubstr("layer 0: group 1 merges experts, but the router rule is 'slice'"));
  for (LayerPlan& layer : plan.layers) {
    layer.router = "slice";
    layer.groups[1] = single_group(2);
  }
  EXPECT_NO_THROW(check_plan(plan, two_layer_config(5)));
}

TEST(CheckPlan, RefusesARouterRuleItDoesNotKnow) {
  Plan plan = good_plan();
  plan.layers[1].router = "mean";
  EXPECT_THAT(fault(plan), HasSubstr("layer 1: there is no router rule 'mean'"));
}

TEST(CheckPlan, RefusesAWayToMergeItDoesNotKnow) {
  Plan plan = good_plan();
  plan.layers[0].merge = "sum";
  EXPECT_THAT(error_of([&] { check_plan(plan, two_layer_config(5)); }), HasSubstr("there is average, least-squares"));
}

TEST(CheckPlan, WantsAPositiveRidgeForTheRouterRuleThatUsesIt) {
  Plan plan = good_plan();
  for (const double ridge : {0.0, -1.0, static_cast<double>(NAN)}) {
    plan.ridge = ridge;
    EXPECT_THAT(fault(plan), HasSubstr("expected a positive number"));
  }
  for (LayerPlan& layer : plan.layers) layer.router = "wmean";
  EXPECT_THAT(fault(plan), HasSubstr("the plan has ridge nan"));  // nonsense stays nonsense
  plan.ridge = 0;
  EXPECT_NO_THROW(check_plan(plan, two_layer_config(5)));
}

TEST(InOrder, SortsGroupsByAnchor) {
  const Groups groups = in_order({single_group(4), merged_group({0, 3}, 3, {0.5, 0.5}), single_group(1)});
  EXPECT_THAT(anchors_of(groups), ElementsAre(1, 3, 4));
}

TEST(ExpertsAfter, CountsGroupsByLayerAndZeroWhereDense) {
  model::ModelConfig config = two_layer_config(5);
  config.layers.insert(config.layers.begin(), {.moe = false});
  Plan plan = good_plan();
  plan.layers[0].layer = 1;
  plan.layers[1].layer = 2;
  plan.layers[1].groups.pop_back();
  EXPECT_THAT(experts_after(plan, config), ElementsAre(0, 3, 2));
}

}  // namespace
}  // namespace uncurl::prune
