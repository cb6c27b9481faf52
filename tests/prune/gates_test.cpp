#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "tests/prune/fixtures.h"
#include "uncurl/prune/gates.h"

namespace uncurl::prune {
namespace {

constexpr std::int64_t kTokens = 30, kExperts = 6;

LayerSummary weighted_layer() {
  LayerSummary layer = summary_of(2 * random_tensor({kTokens, kExperts}, 1), std::vector<double>(kExperts, 1.0));
  layer.sample_weights = random_tensor({kTokens}, 2).abs().to(at::kDouble);
  return layer;
}

Groups keep(const std::vector<int>& experts) {
  Groups groups;
  for (const int expert : experts) groups.push_back(single_group(expert));
  return groups;
}

/// Gates of one token before dropping, and their sum over the kept experts.
struct TokenGates {
  std::vector<double> before;
  double kept_mass = 0;
};

TokenGates gates_of(const LayerSummary& layer, std::int64_t token, const std::vector<int>& kept) {
  TokenGates gates{plain(layer.sample_logits[token])};
  double total = 0;
  for (const double logit : gates.before) total += std::exp(logit);
  for (double& value : gates.before) value = std::exp(value) / total;
  for (const int expert : kept) gates.kept_mass += gates.before[static_cast<std::size_t>(expert)];
  return gates;
}

TEST(MeanGateRise, IsTheWeightedMeanOfOneOverTheKeptMass) {
  const LayerSummary layer = weighted_layer();
  const std::vector<int> kept = {0, 2, 5};
  double rises = 0, weights = 0;
  for (std::int64_t token = 0; token < kTokens; ++token) {
    const double weight = layer.sample_weights[token].item<double>();
    rises += weight / gates_of(layer, token, kept).kept_mass;
    weights += weight;
  }
  EXPECT_NEAR(mean_gate_rise(layer, keep(kept)), rises / weights, 1e-9);
}

TEST(MeanGateRise, IsOneWhenAllExpertsStay) {
  EXPECT_NEAR(mean_gate_rise(weighted_layer(), keep({0, 1, 2, 3, 4, 5})), 1, 1e-12);
}

TEST(Compensate, FitsOldGatesToNewOnesOverTheTokensThatChooseTheExpert) {
  const LayerSummary layer = weighted_layer();
  const std::vector<int> kept = {0, 2, 3, 5};
  Groups groups = keep(kept);
  compensate_(groups, layer, /*top_k=*/2);
  for (std::size_t g = 0; g < kept.size(); ++g) {
    double fit = 0, norm = 0;  // minimise sum w (old - s new)^2: s = sum w old new / sum w new^2
    for (std::int64_t token = 0; token < kTokens; ++token) {
      const TokenGates gates = gates_of(layer, token, kept);
      const double old = gates.before[static_cast<std::size_t>(kept[g])], risen = old / gates.kept_mass;
      const auto better = std::count_if(kept.begin(), kept.end(),
                                        [&](int other) { return gates.before[static_cast<std::size_t>(other)] > old; });
      if (better >= 2) continue;  // not among the top two after dropping
      const double weight = layer.sample_weights[token].item<double>();
      fit += weight * old * risen;
      norm += weight * risen * risen;
    }
    EXPECT_NEAR(groups[g].scale, fit / norm, 1e-9);
  }
}

TEST(Compensate, TakesTheLayersFactorForAnExpertThatNoTokenChooses) {
  // Two tokens with gates 0.5, 0.3, 0.15, 0.05; expert 0 goes. The best of the rest is expert 1: 0.3 becomes 0.6.
  const Tensor gates = matrix(2, 4, {0.5, 0.3, 0.15, 0.05, 0.5, 0.3, 0.15, 0.05});
  Groups groups = keep({1, 2, 3});
  compensate_(groups, summary_of(gates.log(), {1, 1, 1, 1}), /*top_k=*/1);
  for (const ExpertGroup& group : groups) EXPECT_NEAR(group.scale, 0.5, 1e-6);  // of fp32 logits
}

TEST(Compensate, LeavesScalesAtOneWhenAllExpertsStay) {
  Groups groups = keep({0, 1, 2, 3, 4, 5});
  compensate_(groups, weighted_layer(), /*top_k=*/2);
  for (const ExpertGroup& group : groups) EXPECT_NEAR(group.scale, 1, 1e-12);
}

TEST(GatesRise, HoldsForASoftmaxThatIsNotRenormalised) {
  EXPECT_TRUE(gates_rise({.renormalize = false}));
  EXPECT_FALSE(gates_rise({.renormalize = true}));
  EXPECT_FALSE(gates_rise({.score = nn::ScoreFunction::kSigmoid}));
}

}  // namespace
}  // namespace uncurl::prune
