#include "uncurl/eval/judge.h"

#include <cmath>

#include "tests/eval/fixtures.h"

namespace uncurl::eval {
namespace {

using testing::ElementsAre;

/// Rows with two choices of one token each, and what a model says of them: log-likelihoods by hand.
struct Rows {
  PreparedTask task{.name = "t", .metric = "accuracy", .split = "test"};
  std::vector<double> logprobs;

  void add(std::vector<std::string> choices, int label, const std::vector<double>& of_choices,
           const std::string& group = "") {
    Item item{.example = {.prompt = "p", .choices = std::move(choices), .label = label}, .choices = {}};
    item.example.group = group;
    for (const double value : of_choices) {
      item.choices.push_back({logprobs.size(), 1});
      logprobs.push_back(value);
    }
    task.items.push_back(item);
  }

  TaskResult judged(const Written* written = nullptr) {
    task.requests.begins = {0};
    for (std::size_t q = 0; q < logprobs.size(); ++q) task.requests.begins.push_back(static_cast<std::int64_t>(q) + 1);
    task.requests.position_Q = at::arange(static_cast<std::int64_t>(logprobs.size()), at::kLong);
    const Tensor greedy = at::tensor(logprobs, at::kDouble).gt(-1);
    return judge(task, {at::tensor(logprobs, at::kDouble), greedy}, written);
  }
};

double value(const TaskResult& result, const std::string& name) {
  for (const Metric& metric : result.metrics)
    if (metric.name == name) return metric.estimate.mean;
  ADD_FAILURE() << "no metric " << name;
  return NAN;
}

// By hand. Row 1: -2 beats -3, right. Row 2: -4 beats -4.5 and is wrong, but -4.5/6 characters beats -4/2: right by
// length.
TEST(Judge, PicksTheLikeliestChoiceAndTheLikeliestByItsLength) {
  Rows rows;
  rows.add({" no", " yes"}, 0, {-2, -3});
  rows.add({" no", " sixsix"}, 1, {-4, -4.5});
  rows.add({" a", " bcd"}, 1, {-2, -5});
  const TaskResult result = rows.judged();
  EXPECT_DOUBLE_EQ(value(result, "acc"), 1.0 / 3);
  EXPECT_EQ(value(result, "acc_norm"), 1);
  EXPECT_EQ(result.num_tokens, 3);
  EXPECT_DOUBLE_EQ(result.loss.mean, (2 + 4.5 + 5) / 3);
  EXPECT_EQ(result.items[1].prediction, 0);
  EXPECT_EQ(result.items[1].score, 0);
}

TEST(Judge, TakesTheFirstOfEqualChoices) {
  Rows rows;
  rows.add({" a", " b"}, 1, {-2, -2});
  EXPECT_EQ(rows.judged().items[0].prediction, 0);
}

// Question 1: both answers judged right. Question 2: one of two. F1 of "yes": found 2 of 2, and one too many.
TEST(Judge, CountsAQuestionRightIfAllItsAnswersAre) {
  Rows rows;
  rows.task.metric = "answer_f1";
  rows.add({" no", " yes"}, 1, {-3, -1}, "q1");
  rows.add({" no", " yes"}, 0, {-1, -3}, "q1");
  rows.add({" no", " yes"}, 1, {-3, -1}, "q2");
  rows.add({" no", " yes"}, 0, {-3, -1}, "q2");
  const TaskResult result = rows.judged();
  EXPECT_EQ(result.metrics.front().name, "f1a");
  EXPECT_DOUBLE_EQ(value(result, "f1a"), 0.8);  // 2*2 / (2*2 + 1)
  EXPECT_EQ(value(result, "em"), 0.5);
  EXPECT_EQ(value(result, "acc"), 0.75);
}

TEST(Judge, AsksWhetherEveryTokenWasTheLikeliest) {
  Rows rows;
  rows.task.metric = "greedy_match";
  rows.add({" a"}, 0, {-0.5});
  rows.add({" b"}, 0, {-1.5});
  const TaskResult result = rows.judged();
  EXPECT_EQ(value(result, "acc"), 0.5);
  EXPECT_DOUBLE_EQ(value(result, "perplexity"), std::exp(1));
}

TEST(Judge, FindsTheAnswerInWhatWasWritten) {
  Rows rows;
  rows.task.metric = "exact_match";
  rows.task.generation = text::GenerationRule{};
  rows.task.generation->extract.push_back({"strict", text::Regex::oniguruma("(?<=#### )-?[0-9.,]+", "test"), false});
  rows.task.generation->extract.push_back({"last", text::Regex::oniguruma("-?[0-9]+", "test"), true});
  rows.task.generation->ignore = {text::Regex::literal(",")};
  for (int i = 0; i < 3; ++i) rows.add({" 1000"}, 0, {-1});
  for (Item& item : rows.task.items) item.example.answers = {"1,000"};
  const Written written{.texts = {"2*500 #### 1000", "it is 7, no: 1000", "#### 99"}, .passed = {}};
  const TaskResult result = rows.judged(&written);
  EXPECT_NEAR(value(result, "exact_match_strict"), 1.0 / 3, 1e-12);
  EXPECT_NEAR(value(result, "exact_match_last"), 2.0 / 3, 1e-12);
  EXPECT_EQ(result.items[1].answer, "[invalid]");
  EXPECT_EQ(result.items[0].score, 1);
  EXPECT_TRUE(rows.judged(nullptr).metrics.empty());
}

TEST(Judge, ComparesTwoModelsRowByRow) {
  Rows before, after;
  before.add({" a", " b"}, 0, {-1, -2});
  before.add({" a", " b"}, 0, {-1, -2});
  before.add({" a", " b"}, 1, {-1, -2});
  after.add({" a", " b"}, 0, {-3, -2});
  after.add({" a", " b"}, 0, {-1, -2});
  after.add({" a", " b"}, 1, {-3, -2});
  const TaskComparison found = compare_results(before.judged(), after.judged());
  EXPECT_THAT(found.flips, ElementsAre(0, 2));
  EXPECT_EQ(found.metrics[0].lost, 1);
  EXPECT_EQ(found.metrics[0].gained, 1);
  EXPECT_NEAR(found.loss_difference.mean, 2.0 / 3, 1e-12);
  after.task.content_hash = "other";
  EXPECT_THAT(test::error_of([&] { compare_results(before.judged(), after.judged()); }),
              testing::HasSubstr("different rows"));
}

}  // namespace
}  // namespace uncurl::eval
