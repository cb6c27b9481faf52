#include "uncurl/prune/compare.h"

#include <gmock/gmock.h>

#include "tests/prune/fixtures.h"

namespace uncurl::prune {
namespace {

struct Case {
  LayerSummary layer = with_inputs(summary_of_counts({3, 0, 1, 2}));
  std::vector<LayerSummary> layers = {layer};
  MethodOptions options;
  MethodInput input{layers, 2, options, 0, any_model(), silent()};

  Vectors vectors(const char* comparison) const { return find_comparison(comparison).vectors(input, layer); }
};

/// [4,P] fp64, a row an expert.
Tensor flat_weights(bool with_down) {
  std::vector<Tensor> rows;
  for (const Expert& expert : model::stored_experts(any_model(), 0)) {
    std::vector<Tensor> parts = {expert.gate.reshape({-1}), expert.up.reshape({-1})};
    if (with_down) parts.push_back(expert.down.reshape({-1}));
    rows.push_back(at::cat(parts).to(at::kDouble));
  }
  return at::stack(rows);
}

void expect_vectors(const Vectors& found, const Tensor& rows_EP, double tolerance) {
  expect_near(found.gram_EE, rows_EP.mm(rows_EP.t()), tolerance);
  expect_near(found.sums_E, rows_EP.sum(1), tolerance);
  EXPECT_EQ(found.length, static_cast<double>(rows_EP.size(1)));
}

TEST(Compare, WeightsAreThoseOfTheExperts) {
  expect_vectors(Case().vectors("weights"), flat_weights(true), 1e-10);
  expect_vectors(Case().vectors("gate-up"), flat_weights(false), 1e-10);
}

TEST(Compare, RouterRowsAreTheRouters) {
  const Tensor router = model::stored_tensor(any_model().checkpoint, "model.layers.0.mlp.gate.weight");
  expect_vectors(Case().vectors("router-rows"), router.to(at::kDouble), 1e-12);
}

TEST(Compare, OutputsAreTheMeanOverAllKeptTokens) {
  Case test;
  test.layer.sample_weights = random_tensor({40}, 3).abs().to(at::kDouble);
  const Tensor shares = (test.layer.sample_weights / test.layer.sample_weights.sum()).unsqueeze(1);
  std::vector<Tensor> means;
  for (const Expert& expert : model::stored_experts(any_model(), 0)) {
    means.push_back((output_of(expert, test.layer.sample_inputs) * shares).sum(0));
  }
  expect_vectors(test.vectors("expert-outputs"), at::stack(means), 1e-5);
}

TEST(Compare, RouterLogitsAreThoseOfTheStatistics) {
  const Case test;
  EXPECT_TRUE(identical(test.vectors("router-logits").gram_EE, test.layer.sums.gram));
  EXPECT_EQ(test.vectors("router-logits").length, 40);
}

TEST(Compare, NearerIsTheSmallerDistanceOrTheLargerAffinity) {
  const Case test;
  const Tensor rows = flat_weights(false);
  expect_near(nearness(find_comparison("gate-up"), test.input, test.layer), -at::cdist(rows, rows).square(), 1e-9);
  expect_near(nearness(find_comparison("router-logits"), test.input, test.layer),
              layer_affinity(test.layer, test.options.affinity), 0);
}

TEST(Compare, PointsLieAtTheDistancesOfTheVectors) {
  const Case test;
  const Tensor rows = flat_weights(true);
  const Tensor points = items_to_cluster(find_comparison("weights"), false, test.input, test.layer).points;
  expect_near(at::cdist(points, points), at::cdist(rows, rows), 1e-6);
}

// Logits have no length: their points are at the distances of unit vectors, centred as the options say.
TEST(Compare, PointsOfLogitsAreUnitVectors) {
  const Case test;
  const Tensor logits = test.layer.sample_logits.to(at::kDouble);
  Tensor centered = logits - logits.mean(0, true);
  centered = centered - centered.mean(1, true);
  const Tensor units = (centered / centered.norm(2, at::IntArrayRef({0}), true)).t().contiguous();
  const Tensor points = items_to_cluster(find_comparison("router-logits"), false, test.input, test.layer).points;
  expect_near(at::cdist(points, points), at::cdist(units, units), 1e-5);
}

TEST(Compare, WeightsHaveTheSameBitsForAnyNumberOfThreads) {
  const Case test;
  const Threads one(1);
  const Tensor expected = test.vectors("weights").gram_EE;
  const Threads three(3);
  EXPECT_TRUE(identical(test.vectors("weights").gram_EE, expected));
}

TEST(Compare, ListsWhatThereIsAfterAMisspeltName) {
  EXPECT_THAT(error_of([] { find_comparison("logits"); }),
              HasSubstr("there is router-logits, router-rows, expert-outputs, weights, gate-up"));
}

}  // namespace
}  // namespace uncurl::prune
