#include <gmock/gmock.h>

#include "tests/prune/fixtures.h"
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {
namespace {

/// Experts as directions in a plane, in degrees: the cosine of two logit columns is that of the angle between them.
LayerSummary directions(const std::vector<double>& degrees, const std::vector<double>& counts) {
  const Tensor angle = doubles(degrees) * (M_PI / 180);
  return summary_of(at::stack({angle.cos(), angle.sin()}), counts);
}

/// By the angles themselves: over two tokens, centred logits would say little else than their sign.
Groups plan(const LayerSummary& layer, std::int64_t count, MethodOptions options = {}) {
  options.affinity = cluster::AffinityOptions();
  const std::vector<LayerSummary> layers = {layer};
  return plan_frequency_merge({layers, count, options, 0, any_model(), silent()}).front();
}

TEST(FrequencyMerge, JoinsEveryExpertToTheNearestOfTheMostUsed) {
  // Anchors 1 (0 degrees) and 3 (90 degrees).
  const Groups groups = plan(directions({20, 0, 50, 90, 100}, {1, 10, 3, 30, 10 - 1}), 2);
  EXPECT_THAT(members_of(groups), ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3, 4)));
  EXPECT_THAT(anchors_of(groups), ElementsAre(1, 3));
  EXPECT_THAT(groups[1].weights, ElementsAre(3.0 / 42, 30.0 / 42, 9.0 / 42));
}

TEST(FrequencyMerge, ServesTheClosestFirstWhereGroupsAreLimited) {
  // All others lie near expert 0; it has room for one, the closest: 2. The rest goes to 1.
  MethodOptions options;
  options.clustering.max_cluster_size = 3;
  const Groups groups = plan(directions({0, 90, 5, 10, 15}, {20, 10, 1, 1, 1}), 2, options);
  EXPECT_THAT(members_of(groups), ElementsAre(ElementsAre(0, 2, 3), ElementsAre(1, 4)));
}

TEST(FrequencyMerge, LeavesProtectedExpertsAlone) {
  MethodOptions options;
  options.protect[0] = {2};
  const Groups groups = plan(directions({0, 90, 5, 10, 80}, {20, 10, 1, 1, 1}), 3, options);
  EXPECT_THAT(members_of(groups), ElementsAre(ElementsAre(0, 3), ElementsAre(1, 4), ElementsAre(2)));
}

}  // namespace
}  // namespace uncurl::prune
