#include "uncurl/prune/quality.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/prune/observed.h"
#include "tests/support/error_of.h"
#include "uncurl/prune/write.h"

namespace uncurl::prune {
namespace {

void expect_same(const math::Estimate& found, const math::Estimate& expected) {
  EXPECT_EQ(found.mean, expected.mean);
  EXPECT_EQ(found.low, expected.low);
  EXPECT_EQ(found.high, expected.high);
  EXPECT_EQ(found.n, expected.n);
}

std::vector<Quality> of_plan(const Observed& observed, const Plan& plan) {
  const model::LayerStream original(*observed.model, observed.compute);
  return measure_plan(original, plan, observed.summaries(), observed.stats, {});
}

std::vector<Quality> of_checkpoint(const Observed& observed, const Plan& plan) {
  write_checkpoint(*observed.model, plan, observed.summaries(), observed.folder / "out", {});
  const model::Model smaller = model::open_model(observed.folder / "out");
  const model::LayerStream original(*observed.model, observed.compute), pruned(smaller, observed.compute);
  return measure_checkpoint(original, pruned, observed.stats, {});
}

void expect_plan_and_checkpoint_agree(const Observed& observed, const Plan& plan) {
  const std::vector<Quality> tried = of_plan(observed, plan), written = of_checkpoint(observed, plan);
  ASSERT_EQ(tried.size(), written.size());
  for (std::size_t i = 0; i < tried.size(); ++i) {
    EXPECT_EQ(tried[i].source, written[i].source);
    expect_same(tried[i].loss_original, written[i].loss_original);
    expect_same(tried[i].loss_pruned, written[i].loss_pruned);
    expect_same(tried[i].kl, written[i].kl);
    expect_same(tried[i].agreement, written[i].agreement);
    EXPECT_GT(tried[i].kl.mean, 1e-4);  // so that something was compared
  }
}

TEST(Quality, OfTheModelItselfIsPerfect) {
  const Observed observed;
  for (const Quality& quality : of_plan(observed, identity_plan(observed))) {
    EXPECT_EQ(quality.kl.mean, 0);
    EXPECT_EQ(quality.agreement.mean, 1);
    EXPECT_EQ(quality.loss_original.mean, quality.loss_pruned.mean);
  }
}

TEST(Quality, IsGivenBySourceAndForAll) {
  const Observed observed;
  const std::vector<Quality> qualities = of_plan(observed, observed.plan({.method = "frequency"}, 2));
  ASSERT_EQ(qualities.size(), 3u);
  EXPECT_EQ(qualities[0].source, "first");
  EXPECT_EQ(qualities[1].source, "second");
  EXPECT_EQ(qualities[2].source, "all");
  // All tokens of a row but its first are predicted: 3 and 2 rows.
  EXPECT_EQ(qualities[0].num_tokens, observed.stats.sources[0].num_held_out_tokens - 3);
  EXPECT_EQ(qualities[1].num_tokens, observed.stats.sources[1].num_held_out_tokens - 2);
  EXPECT_EQ(qualities[2].num_tokens, qualities[0].num_tokens + qualities[1].num_tokens);
  const auto total = [&](std::size_t i) { return qualities[i].kl.mean * static_cast<double>(qualities[i].num_tokens); };
  EXPECT_NEAR(total(2), total(0) + total(1), 1e-9);
}

TEST(Quality, OfOneSourceStandsAlone) {
  const Observed observed({}, {random_source("only", 5, 2, 3)});
  EXPECT_EQ(of_plan(observed, identity_plan(observed)).size(), 1u);
}

TEST(Quality, IsEmptyWithoutHeldOutRows) {
  const Observed observed({}, {random_source("only", 5, 0, 3)});
  EXPECT_TRUE(of_plan(observed, identity_plan(observed)).empty());
}

TEST(Quality, IsTheLossOfTheSoftmaxComputedByLoops) {
  const Observed observed({}, {random_source("only", 5, 2, 3)});
  const HeldOut& held_out = observed.stats.held_out;
  const Tensor head = model::stored_tensor(observed.model->checkpoint, "lm_head.weight").to(at::kDouble);
  const Tensor logits_NV = held_out.final_ND.to(at::kDouble).mm(head.t());
  const std::vector<double> ids = plain(held_out.rows.ids_N);
  double loss = 0, tokens = 0;
  for (std::size_t row = 0; row < 2; ++row) {
    for (std::int64_t n = held_out.rows.begins[row]; n + 1 < held_out.rows.begins[row + 1]; ++n) {
      const std::vector<double> logits = plain(logits_NV[n]);
      double sum = 0;
      for (const double logit : logits) sum += std::exp(logit);
      loss += std::log(sum) - logits[static_cast<std::size_t>(ids[static_cast<std::size_t>(n) + 1])];
      tokens += 1;
    }
  }
  const Quality quality = of_plan(observed, identity_plan(observed)).front();
  EXPECT_NEAR(quality.loss_original.mean, loss / tokens, 1e-5);
  EXPECT_EQ(static_cast<double>(quality.num_tokens), tokens);
}

TEST(Quality, OfADroppingPlanInMemoryIsThatOfTheWrittenCheckpoint) {
  const Observed observed({.family = "olmoe"});
  expect_plan_and_checkpoint_agree(observed, observed.plan({.method = "reap", .compensate = true}, 2));
}

TEST(Quality, OfAMergingPlanInMemoryIsThatOfTheWrittenCheckpoint) {
  const Observed observed({.dtype = at::kBFloat16});
  expect_plan_and_checkpoint_agree(observed, observed.plan({.method = "uncurl"}, 2));
}

TEST(Perplexity, IsTheExponentialOfTheLoss) {
  const math::Estimate found = perplexity({.mean = std::log(5.0), .low = 0, .high = std::log(7.0), .n = 3});
  EXPECT_DOUBLE_EQ(found.mean, 5);
  EXPECT_DOUBLE_EQ(found.low, 1);
  EXPECT_DOUBLE_EQ(found.high, 7);
}

TEST(Quality, NamesTheRowAndTheModelThatAreNotFinite) {
  HeldOut held_out;
  held_out.source_names = {"first"};
  held_out.source_of_row = {0, 0};
  const std::vector<RowSums> rows = {{.tokens = 3, .loss_original = 1, .loss_pruned = 1},
                                     {.tokens = 3, .loss_original = 1, .loss_pruned = NAN}};
  EXPECT_THAT(test::error_of([&] { summarize_rows(rows, held_out); }),
              testing::HasSubstr("held-out row 2 (of first): the logits of the pruned model hold NaN"));
}

TEST(QualityJson, LeavesOutTheIntervalOfASingleRow) {
  const Quality quality{
      .source = "x", .num_tokens = 4, .kl = {.mean = 0.5, .low = -INFINITY, .high = INFINITY, .n = 4}};
  const Json json = quality_json({quality});
  EXPECT_EQ(json[0]["kl"]["mean"], 0.5);
  EXPECT_TRUE(json[0]["kl"]["low"].is_null());
  EXPECT_TRUE(json[0]["kl"]["high"].is_null());
}

}  // namespace
}  // namespace uncurl::prune
