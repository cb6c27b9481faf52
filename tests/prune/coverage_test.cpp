#include "uncurl/prune/coverage.h"

#include <gmock/gmock.h>

#include "tests/prune/fixtures.h"

namespace uncurl::prune {
namespace {

RoutingStats stats_of(const std::vector<std::vector<double>>& counts_of_sources) {
  RoutingStats stats;
  LayerStats layer{.layer = 2, .sample_logits = at::zeros({0, 8})};
  for (const std::vector<double>& counts : counts_of_sources) {
    stats.sources.push_back({.name = "a source", .num_tokens = 100});
    layer.sources.push_back(zero_sums(8));
    layer.sources.back().count = doubles(counts);
  }
  stats.sample_source = at::zeros({0}, at::kLong);
  stats.layers = {layer};
  return stats;
}

TEST(ExpertCoverage, TellsExpertsThatWereHardlyOrNeverUsed) {
  // 800 selections, 100 each if even: fewer than 2 is hardly.
  const LayerCoverage coverage = expert_coverage(stats_of({{1, 2, 0, 300, 100, 97, 300, 0}})).front();
  EXPECT_EQ(coverage.layer, 2);
  EXPECT_THAT(coverage.never_used, ElementsAre(2, 7));
  EXPECT_THAT(coverage.hardly_used, ElementsAre(0));
  EXPECT_DOUBLE_EQ(coverage.share_of_top_quarter, 600.0 / 800);
}

TEST(ExpertCoverage, AddsUpTheSources) {
  const LayerCoverage coverage =
      expert_coverage(stats_of({{1, 0, 0, 0, 1, 1, 1, 1}, {0, 1, 0, 1, 1, 1, 1, 1}})).front();
  EXPECT_THAT(coverage.never_used, ElementsAre(2));
  EXPECT_DOUBLE_EQ(coverage.share_of_top_quarter, 4.0 / 11);
}

}  // namespace
}  // namespace uncurl::prune
