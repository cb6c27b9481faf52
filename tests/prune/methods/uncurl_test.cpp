#include <gmock/gmock.h>

#include <set>

#include "tests/prune/fixtures.h"
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {
namespace {

/// Nine experts, three to each of three kinds: expert e follows direction e mod 3, with a little of its own.
LayerSummary three_kinds() {
  const Tensor kinds = random_tensor({60, 3}, 1), own = random_tensor({60, 9}, 2);
  return summary_of(kinds.repeat({1, 3}) + 0.05 * own, {1, 2, 3, 9, 8, 7, 4, 5, 6});
}

Groups plan(std::int64_t count, const MethodOptions& options = {}, std::uint64_t seed = 0) {
  const std::vector<LayerSummary> layers = {three_kinds()};
  return plan_uncurl({layers, count, options, seed, any_model(), silent()}).front();
}

TEST(Uncurl, GroupsExpertsWhoseLogitsGoTogether) {
  const Groups groups = plan(3);
  EXPECT_THAT(members_of(groups), ElementsAre(ElementsAre(0, 3, 6), ElementsAre(1, 4, 7), ElementsAre(2, 5, 8)));
  EXPECT_THAT(anchors_of(groups), ElementsAre(3, 4, 5));
  EXPECT_THAT(groups[0].weights, ElementsAre(1.0 / 14, 9.0 / 14, 4.0 / 14));
}

TEST(Uncurl, PutsEverythingIntoOneGroupWhenOneIsAskedFor) {
  EXPECT_THAT(members_of(plan(1)), ElementsAre(ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8)));
}

TEST(Uncurl, LeavesProtectedExpertsAlone) {
  MethodOptions options;
  options.protect[0] = {6};
  EXPECT_THAT(members_of(plan(4, options)),
              ElementsAre(ElementsAre(0, 3), ElementsAre(1, 4, 7), ElementsAre(2, 5, 8), ElementsAre(6)));
}

TEST(Uncurl, KeepsGroupsWithinTheirLimit) {
  MethodOptions options;
  options.clustering.max_cluster_size = 2;
  const Groups groups = plan(5, options);
  std::set<int> all;
  for (const ExpertGroup& group : groups) {
    EXPECT_LE(group.members.size(), 2u);
    all.insert(group.members.begin(), group.members.end());
  }
  EXPECT_EQ(all.size(), 9u);
}

}  // namespace
}  // namespace uncurl::prune
