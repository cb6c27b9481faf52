#include "uncurl/prune/grouping.h"

#include <gmock/gmock.h>

#include "tests/prune/fixtures.h"
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {
namespace {

TEST(Grouping, IsTheMethodsUnlessTheUserChooses) {
  MethodOptions options;
  EXPECT_EQ(clustering_of(kHcSmoeGrouping, options)->name, "agglomerative-average");
  EXPECT_EQ(clustering_of(kMergeMoeGrouping, options), nullptr);
  EXPECT_STREQ(comparison_of(kMergeMoeGrouping, options)->name, "gate-up");
  options.algorithm = "kmeans";
  options.compare = "weights";
  EXPECT_EQ(clustering_of(kHcSmoeGrouping, options)->name, "kmeans");
  EXPECT_EQ(clustering_of(kMergeMoeGrouping, options)->name, "kmeans");
  EXPECT_EQ(clustering_of(kAnchorGrouping, options), nullptr);  // another method of the plan may cluster
  EXPECT_STREQ(comparison_of(kAnchorGrouping, options)->name, "weights");
}

Effects effects(const char* method, std::optional<std::string> algorithm = {},
                std::optional<std::string> compare = {}) {
  return effects_of(find_method(method), {.algorithm = std::move(algorithm), .compare = std::move(compare)});
}

TEST(Effects, OfCenteringAndAffinity) {
  EXPECT_TRUE(effects("uncurl").affinity && effects("uncurl").centering);
  EXPECT_TRUE(effects("uncurl", "kmeans").centering);
  EXPECT_FALSE(effects("uncurl", "kmeans").affinity);
  EXPECT_FALSE(effects("uncurl", "kmeans", "weights").centering);
  EXPECT_TRUE(effects("uncurl", "spectral", "weights").centering);
  EXPECT_TRUE(effects("frequency-merge").centering);
  EXPECT_FALSE(effects("frequency-merge").affinity);  // no power changes which anchor is nearest
  EXPECT_FALSE(effects("frequency-merge", {}, "weights").centering);
  EXPECT_FALSE(effects("reap").centering);
}

TEST(Effects, OfSeedSizeLimitLaplacianAndInputs) {
  EXPECT_TRUE(effects("uncurl").draws && effects("uncurl").size_limit && effects("uncurl").laplacian);
  EXPECT_FALSE(effects("hc-smoe").draws || effects("hc-smoe").size_limit || effects("hc-smoe").laplacian);
  EXPECT_TRUE(effects("hc-smoe", "balanced").draws);
  EXPECT_TRUE(effects("frequency-merge").size_limit);
  EXPECT_TRUE(effects("random").draws);
  EXPECT_FALSE(effects("reap").draws);
  EXPECT_TRUE(effects("hc-smoe").inputs);
  EXPECT_FALSE(effects("hc-smoe", {}, "weights").inputs);
  EXPECT_TRUE(effects("uncurl", {}, "expert-outputs").inputs);
  EXPECT_TRUE(effects("mergemoe", {}, "weights").inputs);
  EXPECT_TRUE(effects("naee").inputs);
}

TEST(Clustered, KeepsProtectedExpertsAloneUnderEveryClustering) {
  const TinyOlmoe tiny(6);
  const std::vector<LayerSummary> layers = {with_inputs(summary_of_counts({1, 2, 3, 4, 5, 6}))};
  for (const cluster::Algorithm& algorithm : cluster::algorithms()) {
    for (const Comparison& comparison : comparisons()) {
      MethodOptions options{.algorithm = algorithm.name, .compare = comparison.name};
      options.protect[0] = {1, 4};
      const auto groups = clustered({layers, 4, options, 0, tiny.model, silent()}, layers[0], kUncurlGrouping);
      EXPECT_EQ(groups.size(), 4u);
      EXPECT_THAT(groups, testing::Contains(ElementsAre(1))) << algorithm.name << ' ' << comparison.name;
      EXPECT_THAT(groups, testing::Contains(ElementsAre(4))) << algorithm.name << ' ' << comparison.name;
      std::size_t members = 0;
      for (const std::vector<int>& group : groups) members += group.size();
      EXPECT_EQ(members, 6u);
    }
  }
}

}  // namespace
}  // namespace uncurl::prune
