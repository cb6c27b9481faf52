#include "uncurl/prune/stats.h"

#include <gmock/gmock.h>

#include "tests/prune/fixtures.h"

namespace uncurl::prune {
namespace {

RoutingStats two_sources(std::optional<double> first, std::optional<double> second) {
  RoutingStats stats;
  stats.sources = {{.name = "a", .weight = first, .num_tokens = 100},
                   {.name = "b", .weight = second, .num_tokens = 300}};
  return stats;
}

TEST(MixtureFactors, LeaveThePlainSumsWithoutWeights) {
  EXPECT_THAT(mixture_factors(two_sources({}, {}), {}), ElementsAre(1.0, 1.0));
}

TEST(MixtureFactors, AreOneWhereWeightsAreInProportionToTokens) {
  EXPECT_THAT(mixture_factors(two_sources({}, {}), {0.25, 0.75}), ElementsAre(1.0, 1.0));
}

TEST(MixtureFactors, GiveEachSourceItsShareOfAllTokens) {
  // Half of 400 tokens each: 200/100 and 200/300. Only the ratio of the weights matters.
  EXPECT_THAT(mixture_factors(two_sources({}, {}), {5, 5}), ElementsAre(2.0, testing::DoubleEq(2.0 / 3)));
}

TEST(MixtureFactors, TakeTheWeightsOfTheSourcesUnlessOthersAreGiven) {
  const RoutingStats stats = two_sources(1.0, 1.0);
  EXPECT_EQ(mixture_factors(stats, {}), mixture_factors(stats, {2, 2}));
  EXPECT_THAT(mixture_factors(stats, {1, 3}), ElementsAre(1.0, 1.0));
}

TEST(MixtureFactors, RefuseIncompleteAndUselessWeights) {
  EXPECT_THAT(error_of([] { mixture_factors(two_sources(1.0, {}), {}); }), HasSubstr("only 1 of 2 sources"));
  EXPECT_THAT(error_of([] { mixture_factors(two_sources({}, {}), {1, 2, 3}); }), HasSubstr("found 3 weights for 2"));
  EXPECT_THAT(error_of([] { mixture_factors(two_sources({}, {}), {1, 0}); }), HasSubstr("source 'b' has weight 0"));
  EXPECT_THAT(error_of([] { mixture_factors(two_sources({}, {}), {NAN, 1}); }), HasSubstr("source 'a' has weight nan"));
}

LayerStats layer_of_two_sources() {
  LayerStats layer{.layer = 3, .sources = {zero_sums(2), zero_sums(2)}, .sample_logits = random_tensor({3, 2}, 1)};
  layer.sources[0].gram = matrix(2, 2, {1, 2, 2, 5}, at::kDouble);
  layer.sources[1].gram = matrix(2, 2, {10, 20, 20, 50}, at::kDouble);
  layer.sources[0].count = doubles({4, 0});
  layer.sources[1].count = doubles({1, 2});
  layer.sources[0].norm_max = doubles({3, 0});
  layer.sources[1].norm_max = doubles({2, 7});
  layer.sources[0].num_tokens = 4;
  layer.sources[1].num_tokens = 3;
  return layer;
}

TEST(Mix, AddsSumsTimesTheirFactorsAndTakesTheMaximumOfMaxima) {
  const LayerSummary mixed = mix(layer_of_two_sources(), at::tensor({0, 1, 1}, at::kLong), {2.0, 0.5});
  EXPECT_EQ(mixed.layer, 3);
  EXPECT_THAT(plain(mixed.sums.gram.view({-1})), ElementsAre(7, 14, 14, 35));
  EXPECT_THAT(plain(mixed.sums.count), ElementsAre(8.5, 1));
  EXPECT_THAT(plain(mixed.sums.norm_max), ElementsAre(3, 7));
  EXPECT_EQ(mixed.sums.num_tokens, 9.5);
  EXPECT_THAT(plain(mixed.sample_weights), ElementsAre(2, 0.5, 0.5));
}

TEST(Mix, LeavesTheStatisticsOfTheSourcesAlone) {
  const LayerStats layer = layer_of_two_sources();
  mix(layer, at::tensor({0, 1, 1}, at::kLong), {2.0, 0.5});
  EXPECT_THAT(plain(layer.sources[0].count), ElementsAre(4, 0));
}

TEST(MixAll, MixesEveryLayerByTheSameFactors) {
  RoutingStats stats = two_sources({}, {});
  stats.sample_source = at::tensor({0, 1, 1}, at::kLong);
  stats.layers = {layer_of_two_sources(), layer_of_two_sources()};
  const std::vector<LayerSummary> mixed = mix_all(stats, {});
  ASSERT_EQ(mixed.size(), 2u);
  EXPECT_THAT(plain(mixed[1].sums.count), ElementsAre(5, 2));
}

}  // namespace
}  // namespace uncurl::prune
