#include "uncurl/prune/kept_tokens.h"

#include <gmock/gmock.h>

#include "tests/prune/fixtures.h"

namespace uncurl::prune {
namespace {

LayerSummary summary() {
  LayerSummary layer = with_inputs(summary_of_counts({3, 0, 1, 2}));
  layer.sample_weights = random_tensor({40}, 9).abs().to(at::kDouble);
  layer.sample_inputs = layer.sample_inputs.narrow(0, 0, 30);
  return layer;
}

/// More than lie in memory at once.
KeptTokens many_tokens() {
  return {random_tensor({600, 16}, 11), random_tensor({600, 4}, 12), at::ones({600}, at::kDouble)};
}

const std::vector<Expert>& experts() {
  static const std::vector<Expert> four = model::stored_experts(any_model(), 0);
  return four;
}

TEST(KeptTokens, AreTheFirstOfTheSampledTokens) {
  const KeptTokens tokens = kept_tokens(summary());
  EXPECT_TRUE(identical(tokens.logits_mE, summary().sample_logits.narrow(0, 0, 30)));
  EXPECT_EQ(tokens.weights_m.size(0), 30);
  EXPECT_THAT(error_of([] {
                kept_tokens(summary_of_counts({1, 2}, 3));
              }),
              HasSubstr("hold no inputs of layer 3, on which experts are compared; observe again with --keep-inputs"));
}

// fp32 outputs of at most 16 terms a sum, twice: some 1e-6 of the largest term; 600 of them are summed in fp64.
TEST(KeptTokens, OutputsAreSummedWithTheirWeights) {
  const KeptTokens tokens = many_tokens();
  const Tensor weights_mE = random_tensor({600, 4}, 10).to(at::kDouble);
  const Tensor sums_ED = weighted_outputs(tokens, weights_mE, experts());
  for (std::int64_t e = 0; e < 4; ++e) {
    const Tensor outputs = output_of(experts()[static_cast<std::size_t>(e)], tokens.inputs_mD);
    const Tensor terms = weights_mE.select(1, e).unsqueeze(1) * outputs;
    expect_near(sums_ED[e], terms.sum(0), 600 * 1e-6 * test::max_abs(terms));
  }
}

TEST(KeptTokens, ProductsAreThoseOfTheOutputs) {
  const KeptTokens tokens = many_tokens();
  const Tensor products_mEE = output_products(tokens, experts());
  std::vector<Tensor> outputs;
  for (const Expert& expert : experts()) outputs.push_back(output_of(expert, tokens.inputs_mD));
  const Tensor outputs_mED = at::stack(outputs, /*dim=*/1);
  const Tensor expected = outputs_mED.matmul(outputs_mED.transpose(1, 2));
  expect_near(products_mEE, expected, 1e-5 * test::max_abs(expected));
}

TEST(KeptTokens, GiveTheSameBitsForAnyNumberOfThreads) {
  const KeptTokens tokens = many_tokens();
  const Tensor weights_mE = at::ones({600, 4}, at::kDouble);
  std::vector<Tensor> sums, products;
  for (const int count : {1, 2, 3}) {
    const Threads threads(count);
    sums.push_back(weighted_outputs(tokens, weights_mE, experts()));
    products.push_back(output_products(tokens, experts()));
  }
  EXPECT_TRUE(identical(sums[0], sums[1]) && identical(sums[0], sums[2]));
  EXPECT_TRUE(identical(products[0], products[1]) && identical(products[0], products[2]));
}

TEST(RouteAmong, NumbersExpertsByTheirPlaceAmongThoseLeft) {
  LayerSummary layer = with_inputs(summary_of(matrix(1, 4, {4, 3, 2, 1}), {1, 1, 1, 1}));
  layer.sample_inputs = layer.sample_inputs.narrow(0, 0, 1);
  const nn::Routing routing = route_among({1, 2, 3}, kept_tokens(layer), any_model(), 0);
  EXPECT_TRUE(identical(routing.ids_NK, at::tensor({0, 1}, at::kLong).view({1, 2})));
  expect_near(routing.scores_NE, at::softmax(matrix(1, 3, {3, 2, 1}), -1), 1e-6);
}

}  // namespace
}  // namespace uncurl::prune
