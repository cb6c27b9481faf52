#include "uncurl/study/sweep/cross_task.h"

#include <gmock/gmock.h>

#include "tests/prune/observed.h"

namespace uncurl::study {
namespace {

using prune::Observed;
using prune::plain;
using prune::random_source;

/// Two sources observed together, and the first of them observed alone.
const std::vector<text::SampledSource> kBoth = {random_source("first", 6, 3, 1), random_source("second", 4, 2, 2)};

prune::RoutingStats observed(const Observed& fixture, const std::vector<text::SampledSource>& sources) {
  return prune::observe(*fixture.model, fixture.compute, sources, {.sample_tokens = 64, .input_tokens = 20}, {});
}

TEST(OnlySource, IsWhatObservingItAloneGives) {
  const Observed fixture;
  const prune::RoutingStats both = observed(fixture, kBoth);
  for (std::size_t source = 0; source < 2; ++source) {
    const std::vector<prune::LayerSummary> found = prune::mix_all(only_source(both, source), {});
    const std::vector<prune::LayerSummary> expected = prune::mix_all(observed(fixture, {kBoth[source]}), {});
    for (std::size_t l = 0; l < expected.size(); ++l) {
      EXPECT_EQ(plain(found[l].sums.count), plain(expected[l].sums.count));
      EXPECT_EQ(plain(found[l].sums.norm_max), plain(expected[l].sums.norm_max));  // of no other source
      test::expect_near(found[l].sums.gram, expected[l].sums.gram, 1e-4);
      EXPECT_EQ(found[l].sums.num_tokens, expected[l].sums.num_tokens);
    }
  }
}

TEST(OnlySource, KeepsItsOwnSampledTokensWithTheirInputs) {
  const Observed fixture;
  const prune::RoutingStats both = observed(fixture, kBoth);
  for (std::size_t source = 0; source < 2; ++source) {
    const prune::RoutingStats own = only_source(both, source);
    const prune::LayerStats& layer = own.layers.front();
    // By hand: walk over all sampled tokens and count off those of the source.
    std::int64_t logits = 0, inputs = 0;
    const std::vector<double> source_of = plain(both.sample_source.to(at::kDouble));
    for (std::size_t n = 0; n < source_of.size(); ++n) {
      if (source_of[n] != static_cast<double>(source)) continue;
      const auto token = static_cast<std::int64_t>(n);
      EXPECT_TRUE(at::equal(layer.sample_logits[logits++], both.layers.front().sample_logits[token]));
      if (token < 20) {
        EXPECT_TRUE(at::equal(layer.sample_inputs[inputs++], both.layers.front().sample_inputs[token]));
      }
    }
    EXPECT_EQ(layer.sample_logits.size(0), logits);
    EXPECT_EQ(layer.sample_inputs.size(0), inputs);
    EXPECT_EQ(own.sample_source.size(0), logits);
  }
}

TEST(UsageOverlap, IsTheCommonPartOfTheShares) {
  Observed fixture;
  fixture.stats.layers.resize(1);
  auto& sources = fixture.stats.layers.front().sources;
  sources[0].count = prune::doubles({6, 2, 2, 0});  // 0.6 0.2 0.2 0
  sources[1].count = prune::doubles({1, 0, 1, 2});  // 0.25 0 0.25 0.5: in common 0.25 + 0.2
  const std::vector<std::vector<double>> overlap = usage_overlap(fixture.stats);
  EXPECT_NEAR(overlap[0][1], 0.45, 1e-12);
  EXPECT_NEAR(overlap[1][0], 0.45, 1e-12);
  EXPECT_NEAR(overlap[0][0], 1, 1e-12);
}

}  // namespace
}  // namespace uncurl::study
