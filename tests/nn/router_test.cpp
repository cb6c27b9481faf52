#include "uncurl/nn/router.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/expect_near.h"
#include "uncurl/base/error.h"

namespace uncurl::nn {
namespace {

using test::random_tensor;

Tensor ids(std::initializer_list<std::int64_t> values) {
  return at::tensor(std::vector<std::int64_t>(values), at::kLong).view({1, -1});
}

/// Logits whose softmax or sigmoid are these scores. @return [1,E]
Tensor logits_of_shares(const std::vector<double>& shares) {
  return at::tensor(shares).log().to(at::kFloat).view({1, -1});
}
Tensor logits_of_sigmoids(const std::vector<double>& scores) {
  return at::logit(at::tensor(scores)).to(at::kFloat).view({1, -1});
}

TEST(Router, KeepsTheSharesOfASoftmaxOverAllExperts) {
  const Routing routing = route(logits_of_shares({0.1, 0.4, 0.2, 0.3}), {.top_k = 2});
  EXPECT_TRUE(test::identical(routing.ids_NK, ids({1, 3})));
  EXPECT_TRUE(test::near(routing.gates_NK, at::tensor({0.4, 0.3}).view({1, 2}), 1e-6));
  EXPECT_TRUE(test::near(routing.scores_NE, at::tensor({0.1, 0.4, 0.2, 0.3}).view({1, 4}), 1e-6));
}

TEST(Router, RenormalizesGatesAndNotScores) {
  const Routing routing = route(logits_of_shares({0.1, 0.4, 0.3, 0.2}), {.top_k = 2, .renormalize = true});
  EXPECT_TRUE(test::near(routing.gates_NK, at::tensor({4.0 / 7, 3.0 / 7}).view({1, 2}), 1e-6));
  EXPECT_TRUE(test::near(routing.scores_NE.sum(), at::scalar_tensor(1.0), 1e-6));
}

TEST(Router, ScoresEachExpertAloneWithASigmoid) {
  const Routing routing =
      route(logits_of_sigmoids({0.9, 0.2, 0.6}), {.top_k = 2, .score = ScoreFunction::kSigmoid, .gate_scale = 2.5});
  EXPECT_TRUE(test::identical(routing.ids_NK, ids({0, 2})));
  EXPECT_TRUE(test::near(routing.gates_NK, at::tensor({2.25, 1.5}).view({1, 2}), 1e-6));
}

TEST(Router, ScalesGatesAfterRenormalizing) {
  const Routing routing = route(logits_of_sigmoids({0.9, 0.2, 0.6}),
                                {.top_k = 2, .score = ScoreFunction::kSigmoid, .renormalize = true, .gate_scale = 3.0});
  EXPECT_TRUE(test::near(routing.gates_NK, at::tensor({1.8, 1.2}).view({1, 2}), 1e-6));
}

TEST(Router, CorrectionBiasSteersTheChoiceAndNotTheGate) {
  const Tensor bias = at::tensor({0.0f, 0.5f, -0.5f});
  const Routing routing =
      route(logits_of_sigmoids({0.9, 0.2, 0.6}), {.top_k = 2, .score = ScoreFunction::kSigmoid}, bias);
  EXPECT_TRUE(test::identical(routing.ids_NK, ids({0, 1})));  // 0.9, 0.7 before 0.1
  EXPECT_TRUE(test::near(routing.gates_NK, at::tensor({0.9, 0.2}).view({1, 2}), 1e-6));
}

// Groups {0.9, 0.1}, {0.6, 0.5}, {0.3, 0.2}: the best by maximum is the first, by the sum of two the second.
TEST(Router, ChoosesGroupsByTheirMaximum) {
  const Routing routing =
      route(logits_of_sigmoids({0.9, 0.1, 0.6, 0.5, 0.3, 0.2}), {.top_k = 2,
                                                                 .score = ScoreFunction::kSigmoid,
                                                                 .num_groups = 3,
                                                                 .top_groups = 1,
                                                                 .group_score = GroupScore::kMaximum});
  EXPECT_TRUE(test::identical(routing.ids_NK, ids({0, 1})));
}

TEST(Router, ChoosesGroupsByTheSumOfTheirTopTwo) {
  const Routing routing =
      route(logits_of_sigmoids({0.9, 0.1, 0.6, 0.5, 0.3, 0.2}), {.top_k = 2,
                                                                 .score = ScoreFunction::kSigmoid,
                                                                 .num_groups = 3,
                                                                 .top_groups = 1,
                                                                 .group_score = GroupScore::kSumOfTopTwo});
  EXPECT_TRUE(test::identical(routing.ids_NK, ids({2, 3})));
}

TEST(Router, AGroupOfOneCountsWithItsOneScore) {
  const Routing routing = route(logits_of_sigmoids({0.2, 0.9, 0.6}),
                                {.top_k = 1, .score = ScoreFunction::kSigmoid, .num_groups = 3, .top_groups = 2});
  EXPECT_TRUE(test::identical(routing.ids_NK, ids({1})));
}

TEST(Router, RefusesTopGroupsThatHoldTooFewExperts) {
  EXPECT_THROW(route(at::zeros({1, 4}), {.top_k = 3, .num_groups = 2, .top_groups = 1}), Error);
  EXPECT_THROW(route(at::zeros({1, 5}), {.top_k = 1, .num_groups = 2, .top_groups = 1}), Error);
}

TEST(Router, SigmoidsOfNothingGiveGatesOfZero) {
  const RoutingRule rule{.top_k = 2, .score = ScoreFunction::kSigmoid, .renormalize = true};
  EXPECT_TRUE(test::identical(route(at::full({1, 4}, -200.0f), rule).gates_NK, at::zeros({1, 2})));
}

TEST(Router, NeverLeavesTheBestGroupsEvenForNegativeScores) {  // biased scores: -0.1, -0.4 | -0.5, -0.6
  const Tensor bias = at::full({4}, -1.0f);
  const Routing routing = route(logits_of_sigmoids({0.9, 0.6, 0.5, 0.4}),
                                {.top_k = 2, .score = ScoreFunction::kSigmoid, .num_groups = 2, .top_groups = 1}, bias);
  EXPECT_TRUE(test::identical(routing.ids_NK, ids({0, 1})));
}

TEST(Router, GatesAreInTheDtypeOfTheLogitsOnlyIfTheRuleSaysSo) {
  const Tensor logits = random_tensor({5, 8}, 1).to(at::kBFloat16);
  EXPECT_EQ(route(logits, {.top_k = 2}).gates_NK.scalar_type(), at::kBFloat16);
  const Routing kept = route(logits, {.top_k = 2, .gates_in_model_dtype = false});
  EXPECT_EQ(kept.gates_NK.scalar_type(), at::kFloat);
  EXPECT_EQ(kept.scores_NE.scalar_type(), at::kFloat);
}

TEST(Router, AShiftOfAllLogitsOfATokenChangesNoRoute) {
  const Tensor logits = random_tensor({40, 16}, 2);
  const Routing routing = route(logits, {.top_k = 4}), shifted = route(logits + 3.0, {.top_k = 4});
  EXPECT_TRUE(test::identical(shifted.ids_NK, routing.ids_NK));
  EXPECT_TRUE(test::near(shifted.gates_NK, routing.gates_NK, 1e-5));
}

TEST(Router, ChoosesWhatASortWouldChoose) {
  const Tensor logits = random_tensor({40, 16}, 3);
  const Tensor sorted = std::get<1>(logits.sort(/*stable=*/true, /*dim=*/-1, /*descending=*/true));
  EXPECT_TRUE(test::identical(route(logits, {.top_k = 5}).ids_NK, sorted.narrow(1, 0, 5)));
}

}  // namespace
}  // namespace uncurl::nn
