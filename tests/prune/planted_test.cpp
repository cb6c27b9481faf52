// The subject of the project on a layer whose answer is known: experts that are disguised copies of a few prototypes.
#include <gmock/gmock.h>

#include "tests/prune/fixtures.h"
#include "uncurl/model/block.h"
#include "uncurl/prune/align.h"
#include "uncurl/prune/merge.h"
#include "uncurl/prune/methods/table.h"
#include "uncurl/prune/routers/table.h"

namespace uncurl::prune {
namespace {

constexpr std::int64_t kWidth = 10, kHidden = 12;
constexpr double kNoise = 1e-4;  // of every weight, whose size is about 1
const std::vector<int> kPrototypeOf = {0, 1, 2, 0, 1, 0, 2, 0};

/// The prototype with its neurons shuffled, up and down scaled against each other with either sign, and noise on all.
Expert disguised(const Expert& prototype, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> factors;
  for (int a = 0; a < kWidth; ++a) {
    factors.push_back(static_cast<float>((rng.uniform() < 0.5 ? -1 : 1) * (0.5 + rng.uniform())));
  }
  const Tensor factor_F = at::tensor(factors);
  const Expert moved = reordered(prototype, shuffled(kWidth, seed));
  const Expert noise = random_expert(kWidth, kHidden, seed + 100);
  return {moved.gate + kNoise * noise.gate, moved.up * factor_F.unsqueeze(1) + kNoise * noise.up,
          moved.down / factor_F + kNoise * noise.down};
}

struct PlantedLayer {
  std::vector<Expert> prototypes, experts;
  Tensor router_ED, x_ND;
  LayerSummary summary;
};

PlantedLayer planted_layer() {
  PlantedLayer layer;
  for (std::uint64_t g = 0; g < 3; ++g) layer.prototypes.push_back(random_expert(kWidth, kHidden, 50 + g));
  const Tensor rows_GD = random_tensor({3, kHidden}, 60) / 3;
  std::vector<Tensor> rows;
  for (std::size_t e = 0; e < kPrototypeOf.size(); ++e) {
    layer.experts.push_back(disguised(layer.prototypes[static_cast<std::size_t>(kPrototypeOf[e])], e));
    rows.push_back(rows_GD[kPrototypeOf[e]]);
  }
  layer.router_ED = at::stack(rows);
  layer.x_ND = random_tensor({64, kHidden}, 61);
  layer.summary = summary_of(layer.x_ND.mm(layer.router_ED.t()), {10, 20, 5, 30, 25, 15, 40, 0});
  return layer;
}

Groups plan(const PlantedLayer& layer) {
  const std::vector<LayerSummary> layers = {layer.summary};
  return plan_uncurl({layers, 3, MethodOptions{}, /*seed=*/0, any_model(), silent()}).front();
}

std::vector<Expert> merged(const PlantedLayer& layer, const Groups& groups) {
  return merge_groups(layer.experts, groups, {});
}

Tensor run(const Tensor& x_ND, const model::MoeWeights& weights, std::int64_t top_k) {
  model::ModelConfig config;
  config.routing.top_k = top_k;
  const nn::RopeTables no_rope;
  return model::run_moe(x_ND, weights, {config, no_rope}, /*layer=*/0, /*first_token=*/0, nullptr);
}

TEST(PlantedRedundancy, IsFoundByUncurl) {
  const Groups groups = plan(planted_layer());
  EXPECT_THAT(members_of(groups), ElementsAre(std::vector{0, 3, 5, 7}, std::vector{1, 4}, std::vector{2, 6}));
  EXPECT_THAT(anchors_of(groups), ElementsAre(3, 4, 6));  // the most used of each
}

TEST(PlantedRedundancy, MergesIntoThePrototypes) {
  const PlantedLayer layer = planted_layer();
  const Groups groups = in_order(plan(layer));
  const std::vector<Expert> experts = merged(layer, groups);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const int prototype = kPrototypeOf[static_cast<std::size_t>(groups[g].anchor)];
    const Tensor expected = output_of(layer.prototypes[static_cast<std::size_t>(prototype)], layer.x_ND);
    // Noise of three factors, each a sum over some ten weights: first order 3 sqrt(12) times its size.
    expect_near(output_of(experts[g], layer.x_ND), expected, 11 * kNoise * test::max_abs(expected));
  }
}

TEST(PlantedRedundancy, LeavesTheLayerAsItWasWhenOldRowsLeadToTheMergedExperts) {
  const PlantedLayer layer = planted_layer();
  const Groups groups = plan(layer);
  std::vector<std::int64_t> expert_of_row(kPrototypeOf.size());
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (const int member : groups[g].members)
      expert_of_row[static_cast<std::size_t>(member)] = static_cast<std::int64_t>(g);
  }
  const model::MoeWeights before{.router = layer.router_ED, .experts = layer.experts};
  const model::MoeWeights after{.router = layer.router_ED,
                                .experts = merged(layer, groups),
                                .expert_of_row = at::tensor(expert_of_row, at::kLong)};
  for (const std::int64_t top_k : {1, 3}) {
    const Tensor expected = run(layer.x_ND, before, top_k);
    expect_near(run(layer.x_ND, after, top_k), expected, 22 * kNoise * test::max_abs(expected));  // noise on both sides
  }
}

TEST(PlantedRedundancy, IsLostWithoutAlignment) {  // so that the tests above show more than a large tolerance
  const PlantedLayer layer = planted_layer();
  const Groups groups = plan(layer);
  const Expert averaged = merge_groups(layer.experts, {groups[0]}, {.permute = false, .rescale = false}).front();
  const Tensor expected = output_of(layer.prototypes[0], layer.x_ND);
  EXPECT_FALSE(test::near(output_of(averaged, layer.x_ND), expected, 0.1 * test::max_abs(expected)));
}

}  // namespace
}  // namespace uncurl::prune
