#include "uncurl/train/batches.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/support/error_of.h"
#include "uncurl/nn/training_loss.h"

namespace uncurl::train {
namespace {

/// A source whose rows have these lengths.
RowSource source(const std::vector<std::int64_t>& lengths, std::optional<double> weight = {}) {
  RowSource made{"source", "hash", weight, {}};
  for (const std::int64_t length : lengths) {
    made.rows.push_back({std::vector<std::int32_t>(static_cast<std::size_t>(length), 7), 1});
  }
  return made;
}

TrainConfig config(Budget budget, BatchSize batch) {
  TrainConfig made;
  made.budget = budget;
  made.batch = batch;
  made.seed = 3;
  return made;
}

/// How often each row is drawn, by (source, row).
std::map<std::pair<int, int>, int> draws(const std::vector<Step>& steps) {
  std::map<std::pair<int, int>, int> counts;
  for (const Step& step : steps)
    for (const RowId id : step.rows) ++counts[{id.source, id.row}];
  return counts;
}

TEST(Batches, EveryPassDrawsEveryRowOnce) {
  const std::vector<RowSource> sources = {source({4, 4, 4}), source({4, 4})};
  const std::vector<Step> steps = plan_steps(sources, config({.epochs = 2}, {.rows = 3}));
  EXPECT_EQ(steps.size(), 4U);  // 3 + 3 + 3 + 1 rows
  EXPECT_EQ(steps.back().rows.size(), 1U);
  for (const auto& [row, count] : draws(steps)) EXPECT_EQ(count, 2);
  EXPECT_EQ(draws(steps).size(), 5U);
  const auto first = draws(plan_steps(sources, config({.epochs = 1}, {.rows = 5})));
  for (const auto& [row, count] : first) EXPECT_EQ(count, 1);
}

TEST(Batches, WeightsAreShares) {
  const std::vector<RowSource> sources = {source({4, 4, 4, 4, 4, 4}, 1.0), source({4, 4}, 3.0)};
  const std::vector<Step> steps = plan_steps(sources, config({.steps = 10}, {.rows = 4}));
  for (const Step& step : steps) {
    std::int64_t of_second = 0;
    for (const RowId id : step.rows) of_second += id.source;
    EXPECT_EQ(of_second, 3);
  }
  const auto counts = draws(steps);
  EXPECT_EQ(counts.at({1, 0}), 15);
  EXPECT_EQ(counts.at({1, 1}), 15);
}

TEST(Batches, BatchesOfTokensTakeRowsAsLongAsTheyFit) {
  const std::vector<RowSource> sources = {source({5, 3, 9, 2, 6, 1})};
  const std::vector<Step> steps = plan_steps(sources, config({.epochs = 3}, {.tokens = 8}));
  std::size_t rows = 0;
  for (const Step& step : steps) {
    EXPECT_TRUE(step.num_tokens <= 8 || step.rows.size() == 1);
    rows += step.rows.size();
  }
  EXPECT_EQ(rows, 18U);
}

TEST(Batches, ABudgetOfTokensEndsWithAWholeStep) {
  const std::vector<Step> steps = plan_steps({source({4, 4, 4})}, config({.tokens = 20}, {.rows = 2}));
  EXPECT_EQ(steps.size(), 3U);
}

// Steps are planned before the first is taken: a number in a config must not fill the memory.
TEST(Batches, RefusesMoreRowsThanAPlanMayHold) {
  const std::vector<RowSource> sources = {source({4, 2})};
  const auto refusal = [&](Budget budget, BatchSize batch) {
    return test::error_of([&] { plan_steps(sources, config(budget, batch)); });
  };
  EXPECT_NE(refusal({.steps = 1'000'000'000'000}, {.rows = 1}).find("ask for 1e+12 rows"), std::string::npos);
  EXPECT_NE(refusal({.steps = 1}, {.tokens = 4'000'000'000'000}).find("ask for 1e+12 rows"), std::string::npos);
  EXPECT_NE(refusal({.tokens = 4'000'000'000'000}, {.rows = 1}).find("ask for 1e+12 rows"), std::string::npos);
  EXPECT_NE(refusal({.epochs = 1e300}, {.rows = 1}).find("ask for 2e+300 rows"), std::string::npos);
}

TEST(Batches, TheOrderFollowsFromTheSeed) {
  const std::vector<RowSource> sources = {source(std::vector<std::int64_t>(50, 3))};
  const auto order = [&](std::uint64_t seed) {
    TrainConfig made = config({.epochs = 2}, {.rows = 100});
    made.seed = seed;
    const std::vector<Step> steps = plan_steps(sources, made);
    std::vector<int> rows;
    for (const RowId id : steps.front().rows) rows.push_back(id.row);
    return rows;
  };
  EXPECT_EQ(order(1), order(1));
  EXPECT_NE(order(1), order(2));
  const std::vector<int> both = order(1);
  EXPECT_NE(std::vector<int>(both.begin(), both.begin() + 50), std::vector<int>(both.begin() + 50, both.end()));
}

TEST(Batches, CutsAStepIntoPieces) {
  const std::vector<RowSource> sources = {source({5, 3, 9, 2})};
  const std::vector<RowId> rows = {{0, 0}, {0, 1}, {0, 2}, {0, 3}};
  const auto sizes = [&](BatchSize size) {
    std::vector<std::size_t> result;
    for (const auto& piece : cut(rows, sources, size)) result.push_back(piece.size());
    return result;
  };
  EXPECT_EQ(sizes({.tokens = 8}), (std::vector<std::size_t>{2, 1, 1}));
  EXPECT_EQ(sizes({.rows = 3}), (std::vector<std::size_t>{3, 1}));
}

TEST(Batches, TargetsAreTheNextTokensOfWhatCounts) {
  RowSource made{"source", "hash", {}, {}};
  made.rows = {{{1, 2, 3, 4}, 3}, {{5, 6}, 1}};
  const Packed packed = pack({{0, 0}, {0, 1}}, {made});
  const std::int64_t none = nn::kNoTarget;
  EXPECT_TRUE(at::equal(packed.targets_N, at::tensor({none, none, std::int64_t{4}, none, std::int64_t{6}, none})));
  EXPECT_EQ(packed.num_targets, 2);
  EXPECT_EQ(packed.rows.begins, (std::vector<std::int64_t>{0, 4, 6}));
}

}  // namespace
}  // namespace uncurl::train
