#include "uncurl/prune/predict.h"

#include <gmock/gmock.h>

#include "tests/prune/observed.h"

namespace uncurl::prune {
namespace {

/// A tiny model with the inputs of some of its tokens.
struct WithInputs : Observed {
  explicit WithInputs(const test::TinyModel& tiny = {}) : Observed(tiny) {
    stats = observe(*model, compute, two_sources(), {.input_tokens = 30}, {});
  }
  model::LayerStream stream{*model, compute};
  std::vector<LayerSummary> layers() const { return summaries(); }
};

std::vector<double> errors_of(const WithInputs& observed, const Plan& plan) {
  return layer_errors(observed.stream, {plan}, observed.layers(), {}).front();
}

TEST(LayerErrors, AreZeroForTheModelItself) {
  const WithInputs observed;
  EXPECT_THAT(errors_of(observed, identity_plan(observed)), ElementsAre(0, 0));
}

/// The softmax of these experts' logits, the two largest renormalised, and silu by hand: 30 tokens, 16 wide.
std::vector<double> outputs_by_loops(const WithInputs& observed, std::int64_t layer, const std::vector<int>& kept) {
  const Tensor x_mD = observed.stats.layers[static_cast<std::size_t>(layer)].sample_inputs.to(at::kDouble);
  const std::vector<Expert> experts = model::stored_experts(*observed.model, layer);
  const Tensor router =
      model::stored_tensor(observed.model->checkpoint, concat("model.layers.", layer, ".mlp.gate.weight"));
  std::vector<double> outputs;
  for (std::int64_t n = 0; n < x_mD.size(0); ++n) {
    std::vector<std::pair<double, int>> ranked;
    for (const int e : kept) ranked.emplace_back(-router[e].to(at::kDouble).dot(x_mD[n]).item<double>(), e);
    std::sort(ranked.begin(), ranked.end());
    const double first = std::exp(-ranked[0].first), second = std::exp(-ranked[1].first);
    Tensor y = at::zeros({16}, at::kDouble);
    for (const std::size_t k : {0u, 1u}) {
      const Expert& expert = experts[static_cast<std::size_t>(ranked[k].second)];
      const Tensor gate = expert.gate.to(at::kDouble).mv(x_mD[n]), up = expert.up.to(at::kDouble).mv(x_mD[n]);
      y += (k == 0 ? first : second) / (first + second) *
           expert.down.to(at::kDouble).mv(gate / (1 + (-gate).exp()) * up);
    }
    for (const double value : plain(y)) outputs.push_back(value);
  }
  return outputs;
}

TEST(LayerErrors, AreThoseOfOutputsComputedByLoops) {
  const WithInputs observed;
  const Plan plan = observed.plan({.method = "frequency"}, 2);
  const std::vector<double> found = errors_of(observed, plan);
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    const auto i = static_cast<std::size_t>(layer);
    const std::vector<double> original = outputs_by_loops(observed, layer, {0, 1, 2, 3}),
                              pruned = outputs_by_loops(observed, layer, anchors_of(plan.layers[i].groups));
    double lost = 0, all = 0;
    for (std::size_t k = 0; k < original.size(); ++k) {
      lost += (original[k] - pruned[k]) * (original[k] - pruned[k]);
      all += original[k] * original[k];
    }
    EXPECT_GT(lost / all, 1e-3);
    EXPECT_NEAR(found[i], lost / all, 1e-5 * found[i]);
  }
}

TEST(LayerErrors, WeighTheSampledTokens) {
  const WithInputs observed;
  const Plan plan = observed.plan({.method = "frequency"}, 2);
  // Tokens without weight do not count: the error on the first ten alone.
  std::vector<LayerSummary> layers = observed.layers(), first_ten = observed.layers();
  for (std::size_t i = 0; i < 2; ++i) {
    layers[i].sample_weights = at::zeros_like(layers[i].sample_weights);
    layers[i].sample_weights.narrow(0, 0, 10).fill_(3);
    first_ten[i].sample_inputs = first_ten[i].sample_inputs.narrow(0, 0, 10);
  }
  const std::vector<double> weighted = layer_errors(observed.stream, {plan}, layers, {}).front(),
                            alone = layer_errors(observed.stream, {plan}, first_ten, {}).front();
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(weighted[i], alone[i], 1e-5 * alone[i]);
  EXPECT_NE(weighted[0], errors_of(observed, plan)[0]);
}

TEST(LayerErrors, AreTheSameBitsForAnyNumberOfThreads) {
  const WithInputs observed({.dtype = at::kBFloat16});
  const Plan plan = observed.plan({.method = "uncurl"}, 2);
  const auto with_threads = [&](int threads) {
    const Threads scope(threads);
    return errors_of(observed, plan);
  };
  EXPECT_EQ(with_threads(1), with_threads(2));
}

TEST(LayerErrors, NeedInputs) {
  const Observed observed;
  const model::LayerStream stream(*observed.model, observed.compute);
  EXPECT_THAT(error_of([&] { layer_errors(stream, {identity_plan(observed)}, observed.summaries(), {}); }),
              HasSubstr("hold no inputs of layer 0, on which errors are predicted; observe again with --keep-inputs"));
}

TEST(TotalError, IsTheSumOverTheLayers) { EXPECT_DOUBLE_EQ(total_error({0.25, 0.5}), 0.75); }

TEST(DamageCurves, AreTheErrorsOfThePlanOfEachCount) {
  const WithInputs observed;
  const DamageCurves curves = damage_curves(observed.stream, observed.stats, {.method = "reap"}, {2, 3, 4}, {});
  EXPECT_THAT(curves.layers, ElementsAre(0, 1));
  EXPECT_THAT(curves.counts, ElementsAre(2, 3, 4));
  for (std::size_t c = 0; c < 3; ++c) {
    const std::vector<double> expected =
        errors_of(observed, observed.plan({.method = "reap"}, static_cast<std::int64_t>(c) + 2));
    for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(curves.errors[i][c], expected[i]);
  }
  EXPECT_EQ(curves.errors[0][2], 0);  // every expert stays
}

}  // namespace
}  // namespace uncurl::prune
