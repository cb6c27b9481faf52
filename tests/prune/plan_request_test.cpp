#include "uncurl/prune/plan_request.h"

#include <gmock/gmock.h>

#include "tests/prune/fixtures.h"

namespace uncurl::prune {
namespace {

TEST(ResolveCount, TakesACountOrAShareButNotBoth) {
  const model::ModelConfig config = two_layer_config(8);
  EXPECT_EQ(resolve_count(config, 5, {}, {}), 5);
  EXPECT_EQ(resolve_count(config, {}, 0.5, {}), 4);
  EXPECT_THAT(error_of([&] { resolve_count(config, 5, 0.5, {}); }), HasSubstr("either --experts"));
  EXPECT_THAT(error_of([&] { resolve_count(config, {}, {}, {}); }), HasSubstr("either --experts"));
}

TEST(ResolveCount, SaysWhatAShareIsRoundedTo) {
  std::string note;
  const Listener listener{.on_note = [&](const std::string& text) { note = text; }};
  EXPECT_EQ(resolve_count(two_layer_config(8), {}, 0.3, listener), 2);  // 2.4
  EXPECT_THAT(note, HasSubstr("keeping 2 (rounded)"));
  EXPECT_EQ(resolve_count(two_layer_config(8), {}, 0.01, listener), 2);  // top_k at least
  resolve_count(two_layer_config(8), {}, 0.75, listener);
  EXPECT_THAT(note, testing::EndsWith("keeping 6"));
}

TEST(ResolveCount, KeepsGroupsOfTheRouterEqual) {
  model::ModelConfig config = two_layer_config(12);
  config.routing.num_groups = 4;
  EXPECT_EQ(resolve_count(config, {}, 0.6, {}), 8);  // 7.2 of 12 in fours
  EXPECT_THAT(error_of([&] { resolve_count(config, 6, {}, {}); }), HasSubstr("4 equal groups"));
}

TEST(ResolveCount, RefusesWhatCannotWork) {
  const model::ModelConfig config = two_layer_config(8);
  EXPECT_THAT(error_of([&] { resolve_count(config, 1, {}, {}); }), HasSubstr("each token is sent to 2"));
  EXPECT_THAT(error_of([&] { resolve_count(config, 9, {}, {}); }), HasSubstr("the model has 8"));
  EXPECT_THAT(error_of([&] { resolve_count(config, {}, 1.5, {}); }), HasSubstr("--keep is 1.5"));
  EXPECT_THAT(error_of([&] { resolve_count(config, {}, 0.0, {}); }), HasSubstr("--keep is 0"));
}

/// What is wrong with a request to keep `count` of the five experts of layers 0 and 1; they are sent two a token.
std::string fault(const PlanRequest& request, std::int64_t count = 3, bool renormalize = false) {
  model::ModelConfig config = two_layer_config(5);
  config.routing.renormalize = renormalize;
  return error_of([&] { check_request(config, count, request); });
}

PlanRequest protecting(const std::string& method, std::vector<int> experts, std::int64_t layer = 0) {
  PlanRequest request{.method = method};
  request.options.protect[layer] = std::move(experts);
  return request;
}

TEST(CheckRequest, GivesMethodAndCountOfEachLayer) {
  const std::vector<LayerChoice> choices = check_request(
      two_layer_config(5), 3, {.layer_methods = {{1, "reap"}}, .layer_experts = {{0, 4}}, .allow_mixed_counts = true});
  ASSERT_EQ(choices.size(), 2u);
  EXPECT_STREQ(choices[0].method->name, "uncurl");
  EXPECT_STREQ(choices[1].method->name, "reap");
  EXPECT_EQ(choices[0].count, 4);
  EXPECT_EQ(choices[1].count, 3);
}

TEST(CheckRequest, RefusesOptionsForLayersWithoutExperts) {
  EXPECT_THAT(fault({.layer_methods = {{2, "reap"}}}), HasSubstr("--layer-method names layer 2"));
  EXPECT_THAT(fault({.layer_experts = {{9, 2}}, .allow_mixed_counts = true}),
              HasSubstr("--layer-experts names layer 9"));
  EXPECT_THAT(fault(protecting("uncurl", {0}, 4)), HasSubstr("--protect names layer 4"));
}

TEST(CheckRequest, RefusesDifferentCountsUnlessTheyAreAllowed) {
  EXPECT_THAT(fault({.method = "frequency", .layer_experts = {{1, 2}}}), HasSubstr("--allow-mixed-counts"));
}

TEST(CheckRequest, RefusesRouterRulesWithoutEffect) {
  EXPECT_THAT(fault({.method = "frequency", .router = "wmean"}), HasSubstr("--router wmean has no effect"));
  EXPECT_THAT(fault({.method = "uncurl", .router = "slice"}), HasSubstr("merges experts; choose anchor"));
}

TEST(CheckRequest, RefusesCompensationWithoutEffect) {
  EXPECT_THAT(fault({.method = "uncurl", .compensate = true}), HasSubstr("drop experts, not with uncurl"));
  EXPECT_THAT(fault({.method = "reap", .compensate = true}, 3, /*renormalize=*/true),
              HasSubstr("--compensate has no effect"));
}

TEST(CheckRequest, RefusesNumbersThatMeanNothing) {
  EXPECT_THAT(fault({.ridge = 0}), HasSubstr("--ridge is 0"));
  PlanRequest request;
  request.options.affinity.power = 0;
  EXPECT_THAT(fault(request), HasSubstr("--affinity-power is 0"));
}

TEST(CheckRequest, WantsProtectedExpertsToExistAndToLeaveRoom) {
  EXPECT_THAT(fault(protecting("reap", {1, 5})), HasSubstr("--protect 0:5: layer 0 has experts 0 to 4"));
  EXPECT_THAT(fault(protecting("reap", {0, 1, 2, 3})), HasSubstr("4 experts are protected, more than the 3"));
  EXPECT_NO_THROW(check_request(two_layer_config(5), 3, protecting("reap", {0, 1, 2})));
  EXPECT_THAT(fault(protecting("uncurl", {0, 1, 2})), HasSubstr("the other 2 cannot be merged"));
}

TEST(CheckRequest, WantsClustersThatHoldAllExperts) {
  PlanRequest request{.method = "frequency-merge"};
  request.options.clustering.max_cluster_size = 2;
  EXPECT_NO_THROW(check_request(two_layer_config(5), 3, request));
  EXPECT_THAT(fault(request, 2), HasSubstr("layer 0: 5 experts do not fit into 2 groups of at most 2"));
}

}  // namespace
}  // namespace uncurl::prune
