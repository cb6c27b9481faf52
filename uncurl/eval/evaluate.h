// One task through one model, or through two that are compared: what `eval` is made of.
#pragma once

#include "uncurl/eval/judge.h"

namespace uncurl::eval {

struct EvaluateOptions {
  bool write = true;          ///< let the model write where the task asks for it; else that metric is left out
  bool run_programs = false;  ///< run what it wrote against the tests; else pass_at_1 is left out
};

/// One task through one model.
TaskResult evaluate(const model::LayerStream& stream, const text::Tokenizer& tokenizer, const PreparedTask& task,
                    const EvaluateOptions& options, const Listener& listener);

/// One task through two models.
struct PairResult {
  TaskResult original, other;  ///< the other's with KL and agreement
  double original_seconds = 0, other_seconds = 0;
};

/// Block by block through both models, since what they say of a token is compared over the whole vocabulary: the hidden
/// states of one block are kept, of one model after the last layer while the other runs.
PairResult evaluate_pair(const model::LayerStream& original, const model::LayerStream& other,
                         const text::Tokenizer& tokenizer, const PreparedTask& task, const EvaluateOptions& options,
                         const Listener& listener);

/// The Encoder of a checkpoint. `max_length` 0: the positions that the model has learned, else as many tokens as
/// config.json says it was made for (2048 where it does not say). @throws Error if it has learned fewer
Encoder make_encoder(const model::Model& model, const text::Tokenizer& tokenizer, std::int64_t max_length);

}  // namespace uncurl::eval
