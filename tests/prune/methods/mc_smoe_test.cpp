#include <gmock/gmock.h>

#include "tests/prune/fixtures.h"
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {
namespace {

/// Two layers of six experts and top-2 routing: use is even in layer 0, two experts do the work in layer 1.
const std::vector<LayerSummary>& even_and_steep() {
  static const std::vector<LayerSummary> layers = {summary_of_counts({17, 18, 16, 15, 18, 16}, 0),
                                                   summary_of_counts({45, 1, 2, 3, 44, 5}, 1)};
  return layers;
}

std::vector<Groups> plan(std::int64_t count, bool mixed, const MethodOptions& options = {}) {
  return plan_mc_smoe({even_and_steep(), count, options, 0, any_model(), silent(), mixed});
}

TEST(McSmoe, FindsDominantExpertsOverAllLayers) {
  // Eight shares in all: layer 1 gives two (45, 44), and the six of layer 0, from 18 to 15, are above its next, 5.
  const std::vector<Groups> plans = plan(4, true);
  EXPECT_THAT(anchors_of(plans[0]), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(anchors_of(plans[1]), ElementsAre(0, 4));
}

TEST(McSmoe, ComparesSharesOfTheLayersChoices) {
  std::vector<LayerSummary> layers = even_and_steep();
  layers[0].sums.count = layers[0].sums.count * 0.01;  // a layer seen less often is not a layer used less
  const MethodOptions options;
  EXPECT_EQ(plan_mc_smoe({layers, 4, options, 0, any_model(), silent(), true})[1].size(), 2u);
}

TEST(McSmoe, LeavesEachLayerAsManyAsATokenNeeds) {
  const std::vector<Groups> plans = plan(2, true);  // four in all: two are forced in each
  EXPECT_THAT(anchors_of(plans[0]), ElementsAre(1, 4));
  EXPECT_THAT(anchors_of(plans[1]), ElementsAre(0, 4));
}

TEST(McSmoe, LeavesEachLayerRoomForProtectedExpertsAndSmallClusters) {
  MethodOptions options;
  options.protect[1] = {1, 2};
  options.clustering.max_cluster_size = 2;  // so four free experts of layer 1 need two groups
  const std::vector<Groups> plans = plan(4, true, options);
  EXPECT_THAT(anchors_of(plans[1]), ElementsAre(0, 1, 2, 4));
  EXPECT_EQ(plans[0].size(), 4u);
}

TEST(McSmoe, IsFrequencyMergeWhereCountsMayNotDiffer) {
  const MethodOptions options;
  const std::vector<Groups> expected = plan_frequency_merge({even_and_steep(), 3, options, 0, any_model(), silent()});
  std::vector<std::string> notes;
  const Listener listener{.on_note = [&](const std::string& text) { notes.push_back(text); }};
  const std::vector<Groups> found = plan_mc_smoe({even_and_steep(), 3, options, 0, any_model(), listener});
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(members_of(found[i]), members_of(expected[i]));
  EXPECT_THAT(notes, ElementsAre(HasSubstr("--allow-mixed-counts lets layers differ")));
}

TEST(McSmoe, IsTheIdentityWhereEveryExpertStays) {
  for (const Groups& groups : plan(6, true)) EXPECT_EQ(groups.size(), 6u);
}

}  // namespace
}  // namespace uncurl::prune
