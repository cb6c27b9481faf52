#include <gmock/gmock.h>

#include "tests/prune/fixtures.h"
#include "uncurl/prune/routers/table.h"

namespace uncurl::prune {
namespace {

TEST(WeightedMeanRows, AverageTheRowsWithTheWeightsOfTheMerge) {
  const Tensor router_ED = matrix(4, 2, {1, 2, 30, 40, 5, 6, 9, 18});
  const Groups groups = {merged_group({0, 2, 3}, 2, {0.5, 0.25, 0.25}), single_group(1)};
  const LayerSummary summary = summary_of_counts({1, 1, 1, 1});
  // (1/2 + 5/4 + 9/4, 2/2 + 6/4 + 18/4)
  EXPECT_TRUE(identical(weighted_mean_rows({router_ED, groups, summary, 1, 0}), matrix(2, 2, {4, 7, 30, 40})));
}

TEST(MembershipWeights, HaveTheWeightsOfEachGroupInItsRow) {
  const Groups groups = {merged_group({0, 3}, 3, {0.25, 0.75}), single_group(1)};
  EXPECT_TRUE(identical(membership_weights(groups, 4), matrix(2, 4, {0.25, 0, 0, 0.75, 0, 1, 0, 0}, at::kDouble)));
}

}  // namespace
}  // namespace uncurl::prune
