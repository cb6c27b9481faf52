#include <gmock/gmock.h>

#include "tests/prune/fixtures.h"
#include "uncurl/prune/routers/table.h"

namespace uncurl::prune {
namespace {

TEST(AnchorRows, AreTheRowsOfTheAnchorsInTheOrderOfTheGroups) {
  const Tensor router_ED = matrix(4, 2, {1, 2, 3, 4, 5, 6, 7, 8});
  const Groups groups = {single_group(1), merged_group({0, 3}, 3, {0.9, 0.1})};
  const LayerSummary summary = summary_of_counts({1, 1, 1, 1});
  EXPECT_TRUE(identical(anchor_rows({router_ED, groups, summary, 1, 0}), matrix(2, 2, {3, 4, 7, 8})));
}

TEST(AnchorRows, RaiseTheGatesOfThoseThatStayAsComputedByHand) {
  // Logits log 1, 2, 3, 4: gates 0.1, 0.2, 0.3, 0.4. Experts 1 and 3 alone: 2/6 and 4/6.
  const Tensor router_ED = matrix(4, 1, {1, 2, 3, 4}).log();
  const Groups groups = {single_group(1), single_group(3)};
  const LayerSummary summary = summary_of_counts({1, 1, 1, 1});
  const Tensor gates = at::softmax(anchor_rows({router_ED, groups, summary, 1, 0}).view({-1}), 0);
  expect_near(gates, matrix(1, 2, {1.0 / 3, 2.0 / 3}).view({-1}), 1e-6);
}

TEST(RouterRules, GiveOneFp32RowAGroup) {
  const Tensor router_ED = random_tensor({5, 3}, 1);
  const LayerSummary summary = summary_of(random_tensor({20, 3}, 2).mm(router_ED.t()), {1, 2, 3, 4, 5});
  const Groups groups = {merged_group({0, 4}, 0, {0.5, 0.5}), single_group(2)};
  for (const RouterRule& rule : router_rules()) {
    const Tensor rows_GD = rule.rows({router_ED, groups, summary, 1e-2, 0});
    EXPECT_EQ(rows_GD.sizes(), at::IntArrayRef({rule.in_memory_only ? 3 : 2, 3})) << rule.name;  // of map: a member
    EXPECT_EQ(rows_GD.scalar_type(), at::kFloat) << rule.name;
    EXPECT_EQ(static_cast<bool>(identical(rows_GD[1], router_ED[2])), rule.keeps_single_rows) << rule.name;
  }
}

TEST(RouterRules, KeepTheSignOfAZeroInARowOfAGroupOfOne) {
  const Tensor router_ED = matrix(3, 2, {1, 2, -0.0, 4, 5, 6});
  const LayerSummary summary = summary_of_counts({1, 2, 3});
  const Groups groups = {merged_group({0, 2}, 0, {0.5, 0.5}), single_group(1)};
  for (const RouterRule& rule : router_rules()) {
    if (!rule.keeps_single_rows) continue;
    EXPECT_TRUE(rule.rows({router_ED, groups, summary, 1e-2, 0})[1][0].signbit().item<bool>()) << rule.name;
  }
}

TEST(FindRouterRule, ListsTheRulesAfterAMisspeltName) {
  EXPECT_THAT(error_of([] { find_router_rule("mean"); }), HasSubstr("slice, anchor, wmean, lse, reinit"));
}

}  // namespace
}  // namespace uncurl::prune
