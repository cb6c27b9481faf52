#include "uncurl/prune/least_squares.h"

#include <gmock/gmock.h>

#include "tests/prune/observed.h"
#include "uncurl/prune/merge.h"

namespace uncurl::prune {
namespace {

constexpr AlignOptions kAsTheyAre{.permute = false, .rescale = false};

struct Fit {
  Tensor hidden_NF, target_ND, weights_N, average_DF;
  Tensor down(double ridge) const { return fit_down(hidden_NF, target_ND, weights_N, average_DF, ridge); }
};

Fit random_fit(std::int64_t tokens, std::int64_t width, std::int64_t hidden) {
  return {random_tensor({tokens, width}, 1).to(at::kDouble), random_tensor({tokens, hidden}, 2).to(at::kDouble),
          random_tensor({tokens}, 3).to(at::kDouble).abs(), random_tensor({hidden, width}, 4).to(at::kDouble)};
}

/// Half the gradient of sum_x w |down h - y|^2 + r |down - average|^2 at `down`.
Tensor gradient(const Fit& fit, const Tensor& down, double ridge) {
  const Tensor weights_N1 = fit.weights_N.unsqueeze(1);
  const double r =
      ridge * (weights_N1 * fit.hidden_NF.square()).sum().item<double>() / static_cast<double>(fit.hidden_NF.size(1));
  const Tensor rest_ND = (fit.hidden_NF.mm(down.t()) - fit.target_ND) * weights_N1;
  return rest_ND.t().mm(fit.hidden_NF) + r * (down - fit.average_DF);
}

void expect_zero_gradient(const Fit& fit) {
  // Terms of order 10 each, summed over 30 tokens or neurons in fp64; the fit starts far away.
  EXPECT_GT(gradient(fit, fit.average_DF, 0.1).abs().max().item<double>(), 1);
  EXPECT_LT(gradient(fit, fit.down(0.1), 0.1).abs().max().item<double>(), 1e-11);
}

TEST(FitDown, HasNoGradientLeftWithMoreTokensThanNeurons) { expect_zero_gradient(random_fit(30, 8, 5)); }

TEST(FitDown, HasNoGradientLeftWithFewerTokensThanNeurons) { expect_zero_gradient(random_fit(6, 20, 5)); }

TEST(FitDown, RecoversThePlantedMatrix) {
  Fit fit = random_fit(40, 8, 5);
  const Tensor planted = random_tensor({5, 8}, 9).to(at::kDouble);
  fit.target_ND = fit.hidden_NF.mm(planted.t());
  expect_near(fit.down(1e-13), planted, 1e-9);
}

TEST(FitDown, DoesNotSeeTokensWithoutWeight) {  // and turns to the other of the two equal systems
  const Fit few = random_fit(6, 20, 5), many = random_fit(30, 20, 5);
  Fit padded{at::cat({few.hidden_NF, many.hidden_NF}), at::cat({few.target_ND, many.target_ND}),
             at::cat({few.weights_N, at::zeros_like(many.weights_N)}), few.average_DF};
  expect_near(padded.down(0.1), few.down(0.1), 1e-10);
}

TEST(FitDown, IsTheAverageWhereNothingIsActive) {
  Fit fit = random_fit(6, 20, 5);
  fit.hidden_NF.zero_();
  EXPECT_TRUE(identical(fit.down(0.1), fit.average_DF));
}

/// A tiny model with the inputs of its sampled tokens, and a plan that merges experts 0 and 2 in each layer.
struct Merging : Observed {
  explicit Merging(const test::TinyModel& tiny = {}) : Observed(tiny) {
    stats = observe(*model, compute, two_sources(), {.input_tokens = 50}, {});
    layers = summaries();
  }
  LayerPlan layer_plan(const char* merge) const {
    return {.layer = 1,
            .method = "by hand",
            .router = "wmean",
            .groups = {single_group(1), merged_group({0, 2}, 2, {0.25, 0.75}), single_group(3)},
            .merge = merge};
  }
  PrunedLayer pruned(const char* merge, const AlignOptions& align = kAsTheyAre) const {
    return prune_layer(*model, Plan{.align = align}, layer_plan(merge), layers[1]);
  }
  std::vector<LayerSummary> layers;
};

/// Tokens whose two largest logits name expert 0 or 2.
Tensor tokens_of_the_group(const LayerSummary& layer) {
  std::vector<std::int64_t> reached;
  for (std::int64_t n = 0; n < layer.sample_inputs.size(0); ++n) {
    const std::vector<double> logits = plain(layer.sample_logits[n].to(at::kDouble));
    std::vector<int> order = {0, 1, 2, 3};
    std::sort(order.begin(), order.end(),
              [&](int a, int b) { return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)]; });
    if (order[0] % 2 == 0 || order[1] % 2 == 0) reached.push_back(n);
  }
  return at::tensor(reached, at::kLong);
}

TEST(LeastSquares, FitsTheAverageOutputOnTheTokensOfTheGroup) {
  const Merging merging;
  const LayerSummary& layer = merging.layers[1];
  const std::vector<Expert> experts = model::stored_experts(*merging.model, 1);
  const Expert average = merging.pruned(kMergeAverage).experts[1],
               fitted = merging.pruned(kMergeLeastSquares).experts[1];
  EXPECT_TRUE(identical(fitted.gate, average.gate));
  EXPECT_TRUE(identical(fitted.up, average.up));
  const Tensor reached = tokens_of_the_group(layer);
  ASSERT_LT(reached.numel(), layer.sample_inputs.size(0));
  const Tensor x = layer.sample_inputs.index_select(0, reached).to(at::kDouble);
  const Fit fit{at::silu(x.mm(average.gate.to(at::kDouble).t())) * x.mm(average.up.to(at::kDouble).t()),
                0.25 * output_of(experts[0], x) + 0.75 * output_of(experts[2], x),
                layer.sample_weights.index_select(0, reached), average.down.to(at::kDouble)};
  const double before = gradient(fit, average.down.to(at::kDouble), kLeastSquaresRidge).abs().max().item<double>();
  const double after = gradient(fit, fitted.down.to(at::kDouble), kLeastSquaresRidge).abs().max().item<double>();
  EXPECT_LT(after, 1e-4 * before);  // the outputs that it was fitted to are fp32
}

TEST(LeastSquares, LeavesSingleExpertsAndTheRouterAlone) {
  const Merging merging;
  const PrunedLayer average = merging.pruned(kMergeAverage), fitted = merging.pruned(kMergeLeastSquares);
  expect_same_expert(fitted.experts[0], average.experts[0]);
  expect_same_expert(fitted.experts[2], average.experts[2]);
  EXPECT_TRUE(identical(fitted.router, average.router));
}

TEST(LeastSquares, KeepsTheAverageOfAGroupThatNoTokenReaches) {
  Merging merging;
  Tensor& logits = merging.layers[1].sample_logits;
  logits = logits.clone();
  logits.select(1, 0).fill_(-100);
  logits.select(1, 2).fill_(-100);
  expect_same_expert(merging.pruned(kMergeLeastSquares).experts[1], merging.pruned(kMergeAverage).experts[1]);
}

TEST(LeastSquares, GivesTheSameBitsForAnyNumberOfThreads) {
  const Merging merging({.hidden_size = 64, .expert_width = 96, .dtype = at::kBFloat16});
  const auto with_threads = [&](int threads) {
    const Threads scope(threads);
    return merging.pruned(kMergeLeastSquares, {}).experts[1];
  };
  const Expert one = with_threads(1);
  expect_same_expert(with_threads(2), one);
  expect_same_expert(with_threads(4), one);
}

TEST(LeastSquares, NeedsInputs) {
  Merging merging;
  merging.layers[1].sample_inputs = Tensor();
  EXPECT_THAT(error_of([&] { merging.pruned(kMergeLeastSquares); }),
              HasSubstr("hold no inputs of layer 1, on which merged experts are fitted; observe again with --keep"));
}

}  // namespace
}  // namespace uncurl::prune
