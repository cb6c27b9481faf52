// From the scores of tokens to what a task says of a model: loss, metrics with intervals, and every row's outcome.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "uncurl/eval/metric.h"
#include "uncurl/eval/prepare.h"
#include "uncurl/eval/score.h"

namespace uncurl::eval {

/// What a model wrote for each item, and for tasks with tests whether they passed.
struct Written {
  std::vector<std::string> texts;
  std::vector<bool> passed;
};

struct ItemResult {
  std::int64_t num_tokens = 0;         ///< of the right answer
  double loss = 0;                     ///< -log-likelihood of the right answer, nats
  double kl = 0, agrees = 0;           ///< sums over its tokens, once add_comparison was called
  std::vector<double> loglikelihoods;  ///< of each choice
  std::vector<bool> greedy;            ///< whether all tokens of the choice were the likeliest
  int prediction = -1;                 ///< the likeliest choice; -1 where there is one only
  std::string answer;                  ///< what was found in the text that the model wrote
  double score = 0;                    ///< what the row adds to the first metric, in [0,1]; 0 without one
};

struct TaskResult {
  std::string name, split, content_hash, file_hash;  ///< as of PreparedTask
  std::int64_t num_left_out = 0;                     ///< rows that are not among the items
  std::int64_t num_tokens = 0;                       ///< of right answers
  math::Estimate loss;                               ///< nats per such token
  std::optional<math::Estimate> kl, agreement;       ///< beside an original: of the predictions of these tokens
  std::vector<Metric> metrics;  ///< the task's own first; empty where it was not measured (tests that were not run)
  std::vector<ItemResult> items;
  std::vector<std::size_t> clusters;  ///< of the items: what was sampled (text::TaskExample)
};

/// @param written  for tasks with generation; null: the metrics that need it are left out
TaskResult judge(const PreparedTask& task, const TokenScores& scores, const Written* written);

/// The predictions (indices into the P) of the right answers' tokens, item by item.
Tensor right_answer_positions(const PreparedTask& task);

/// @param comparison  of right_answer_positions
void add_comparison(TaskResult& result, const TokenComparison& comparison);

/// Two models on the same task.
struct TaskComparison {
  std::vector<MetricComparison> metrics;
  math::Estimate loss_difference;  ///< other - original, nats per token, paired by row
  std::vector<std::size_t> flips;  ///< items whose score changed
};
TaskComparison compare_results(const TaskResult& original, const TaskResult& other);

}  // namespace uncurl::eval
