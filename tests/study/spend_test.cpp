#include "uncurl/study/spend.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/prune/observed.h"

namespace uncurl::study {
namespace {

using prune::Observed;
using testing::ElementsAre;

class Spend : public testing::Test {
 protected:
  Spend() {
    stats_ = prune::observe(*observed_.model, observed_.compute, Observed::two_sources(), {.input_tokens = 40}, {});
  }

  Spending spend(std::int64_t total, const prune::PlanRequest& request) const {
    return spend_budget(original_, stats_, total, request, {});
  }

  const Observed observed_{{.num_layers = 2, .num_experts = 6, .top_k = 2}};
  const model::LayerStream original_{*observed_.model, observed_.compute};
  prune::RoutingStats stats_;
};

TEST(CandidateCounts, GoFromTopKToAllExpertsInAtMostSixteenSteps) {
  EXPECT_THAT(candidate_counts(prune::two_layer_config(6)), ElementsAre(2, 3, 4, 5, 6));
  const std::vector<std::int64_t> many = candidate_counts(prune::two_layer_config(128));  // top-2
  EXPECT_EQ(many.front(), 8);
  EXPECT_EQ(many.back(), 128);
  EXPECT_EQ(many.size(), 16u);
}

TEST_F(Spend, OnCountsLosesWhatTheBestPairOfCountsLoses) {
  const prune::PlanRequest request{.method = "reap", .allow_mixed_counts = true};
  const prune::DamageCurves curves = prune::damage_curves(original_, stats_, request, {2, 3, 4, 5, 6}, {});
  for (const std::int64_t total : {4, 7, 9, 12}) {
    double least = INFINITY;
    for (std::size_t a = 0; a < 5; ++a) {
      for (std::size_t b = 0; b < 5; ++b) {
        if (curves.counts[a] + curves.counts[b] <= total) {
          least = std::min(least, curves.errors[0][a] + curves.errors[1][b]);
        }
      }
    }
    const Spending spending = spend(total, request);
    EXPECT_DOUBLE_EQ(spending.error, least) << "total " << total;
    EXPECT_LE(spending.error, spending.uniform_error);
    const prune::Plan plan = prune::make_plan(*observed_.model, stats_, spending.num_experts, spending.request, {});
    EXPECT_LE(plan.layers[0].num_experts() + plan.layers[1].num_experts(), total);
  }
}

TEST_F(Spend, OnMethodsGivesEachLayerTheOneOfLeastError) {
  const Spending spending = spend(8, {.method = "frequency"});
  EXPECT_LE(spending.num_experts, 4);
  double best = 0;
  for (std::size_t l = 0; l < 2; ++l) {
    double least = INFINITY;
    for (const char* method : {"frequency", "reap", "uncurl"}) {
      const auto curves = prune::damage_curves(original_, stats_, {.method = method}, {spending.num_experts}, {});
      least = std::min(least, curves.errors[l][0]);
    }
    best += least;
  }
  EXPECT_LE(spending.error, best + 1e-12);  // three of the methods it chose from
  EXPECT_LE(spending.error, spending.uniform_error);
  const prune::Plan plan = prune::make_plan(*observed_.model, stats_, spending.num_experts, spending.request, {});
  const auto errors = prune::layer_errors(original_, {plan}, prune::mix_all(stats_, {}), {});
  EXPECT_DOUBLE_EQ(prune::total_error(errors.front()), spending.error);
}

// Linkages cannot keep groups small: hc-smoe is no choice then, and refuses if it is asked for by name.
TEST_F(Spend, OnMethodsLeavesOutThoseThatCannotHoldASizeLimit) {
  prune::PlanRequest request{.method = "frequency-merge"};
  request.options.clustering.max_cluster_size = 2;
  const Spending spending = spend(8, request);
  for (const auto& [layer, method] : spending.request.layer_methods) EXPECT_NE(method, "hc-smoe");
  EXPECT_NO_THROW(prune::make_plan(*observed_.model, stats_, spending.num_experts, spending.request, {}));
}

TEST_F(Spend, RefusesWhatLayersCannotDoWith) {
  EXPECT_THROW(spend(3, {.method = "reap", .allow_mixed_counts = true}), Error);
  EXPECT_THROW(spend(3, {.method = "reap"}), Error);
  EXPECT_THROW(spend(8, {.method = "mc-smoe", .allow_mixed_counts = true}), UsageError);
}

TEST_F(Spend, AsksForInputs) {
  const auto without = [&] {
    spend_budget(original_, observed_.stats, 8, {.method = "reap", .allow_mixed_counts = true}, {});
  };
  EXPECT_THAT(test::error_of(without), testing::HasSubstr("--keep-inputs"));
}

}  // namespace
}  // namespace uncurl::study
