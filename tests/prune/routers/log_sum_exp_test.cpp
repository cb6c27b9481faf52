#include <gmock/gmock.h>

#include "tests/prune/fixtures.h"
#include "uncurl/prune/routers/table.h"

namespace uncurl::prune {
namespace {

constexpr double kNoRidge = 1e-12;

/// x [N,D], the router rows and their logits, with a group of {0,2} and one of {1,3}.
struct Case {
  Tensor x_ND, router_ED;
  LayerSummary summary;
  Groups groups = {merged_group({0, 2}, 0, {0.5, 0.5}), merged_group({1, 3}, 3, {0.25, 0.75})};

  Tensor rows(double ridge) const { return log_sum_exp_rows({router_ED, groups, summary, ridge, 0}); }
};

Case random_case(std::int64_t tokens) {
  Case made{.x_ND = random_tensor({tokens, 6}, 1), .router_ED = random_tensor({4, 6}, 2), .summary = {}};
  made.summary = summary_of(made.x_ND.mm(made.router_ED.t()), {1, 1, 1, 1});
  return made;
}

TEST(LogSumExpRows, HitTheTargetWhereTokensAreNoMoreThanExperts) {  // four equations, four unknowns
  const Case made = random_case(4);
  const Tensor logits = made.summary.sample_logits;
  const Tensor expected = at::stack({(logits.select(1, 0).exp() + logits.select(1, 2).exp()).log(),
                                     (logits.select(1, 1).exp() + logits.select(1, 3).exp()).log()},
                                    1);
  expect_near(made.x_ND.mm(made.rows(kNoRidge).t()), expected, 1e-3);
}

TEST(LogSumExpRows, KeepTheGateMassOfEachGroupAsComputedByHand) {
  // Four tokens whose gates are 0.1, 0.2, 0.3 and 0.4 in turns: {0,2} gets 0.4, 0.6, 0.4, 0.6, {1,3} the rest.
  const Tensor gates = matrix(4, 4, {1, 2, 3, 4, 2, 3, 4, 1, 3, 4, 1, 2, 4, 1, 2, 3}) / 10;
  Case made{.x_ND = gates.log(), .router_ED = at::eye(4), .summary = summary_of(gates.log(), {1, 1, 1, 1})};
  const Tensor found = at::softmax(made.x_ND.mm(made.rows(kNoRidge).t()), /*dim=*/1);
  expect_near(found, matrix(4, 2, {0.4, 0.6, 0.6, 0.4, 0.4, 0.6, 0.6, 0.4}), 1e-4);
}

TEST(LogSumExpRows, GiveTheRowOfAMemberThatAlwaysDominates) {
  // Logit 2 is lower than logit 0 by 200 or so, logit 3 than logit 1: the targets are logits 0 and 1 themselves.
  Case made = random_case(50);
  made.summary.sample_logits = random_tensor({50, 4}, 3) - matrix(1, 4, {0, 0, 200, 200});
  expect_near(made.rows(kNoRidge), made.router_ED.narrow(0, 0, 2), 1e-4);
}

TEST(LogSumExpRows, RaiseTheLogitOfTiedRowsByTheLogOfTheirNumberWhereTheInputAllows) {
  // The last input is 1 for all tokens, so log 2 is linear in it; one row has it, so the old rows can express it.
  const Tensor x_ND = at::cat({random_tensor({40, 2}, 4), at::ones({40, 1})}, 1);
  const Tensor router_ED = matrix(4, 3, {1, 2, 0, 0, 0, 1, 1, 2, 0, 3, -1, 0});
  const Groups groups = {merged_group({0, 2}, 0, {0.5, 0.5}), single_group(1), single_group(3)};
  const LayerSummary summary = summary_of(x_ND.mm(router_ED.t()), {1, 1, 1, 1});
  const Tensor rows = log_sum_exp_rows({router_ED, groups, summary, 1e-9, 0});
  expect_near(rows[0], at::tensor({1.0, 2.0, std::log(2.0)}), 1e-5);
}

TEST(LogSumExpRows, BecomeTheWeightedMeanUnderAHeavyRidge) {
  const Case made = random_case(50);
  const Tensor mean = weighted_mean_rows({made.router_ED, made.groups, made.summary, 1, 0});
  expect_near(made.rows(1e9), mean, 1e-6);
  EXPECT_FALSE(test::near(made.rows(1e-2), mean, 1e-2));
}

TEST(LogSumExpRows, CountATokenAsOftenAsItsWeightSays) {
  const Case once = random_case(20);
  Case weighted = once, twice = once;
  weighted.summary.sample_weights = once.summary.sample_weights.clone();  // the copy of a tensor is an alias
  weighted.summary.sample_weights[3] = 2.0;
  twice.summary.sample_logits = at::cat({once.summary.sample_logits, once.summary.sample_logits.narrow(0, 3, 1)});
  twice.summary.sample_weights = at::ones({21}, at::kDouble);
  expect_near(weighted.rows(1e-2), twice.rows(1e-2), 1e-6);
  EXPECT_FALSE(test::near(weighted.rows(1e-2), once.rows(1e-2), 1e-4));
}

TEST(LogSumExpRows, SayThatTheyNeedSampledLogits) {
  Case made = random_case(5);
  made.summary.sample_logits = at::zeros({0, 4});
  EXPECT_THAT(error_of([&] { made.rows(1); }), HasSubstr("no sampled logits"));
}

}  // namespace
}  // namespace uncurl::prune
