// One task through one model, or through a change of it: what `eval` and `sweep` are made of.
#pragma once

#include <optional>

#include "uncurl/eval/judge.h"

namespace uncurl::eval {

struct EvaluateOptions {
  EditFunction edit;          ///< a change of weights to try; may be empty
  bool write = true;          ///< let the model write where the task asks for it; else that metric is left out
  bool run_programs = false;  ///< run what it wrote against the tests; else pass_at_1 is left out
};

/// What a later comparison needs of the original.
struct Reference {
  Tensor final_PD;  ///< as final_hidden
  Tensor head_VD;
};

struct Evaluation {
  TaskResult result;
  Reference reference;
};

/// @param original  what the same task gave on the original; null: no KL and agreement
Evaluation evaluate(const model::LayerStream& stream, const text::Tokenizer& tokenizer, const PreparedTask& task,
                    const EvaluateOptions& options, const Reference* original, const Listener& listener);

/// The Encoder of a checkpoint. `max_length` 0: as many tokens as config.json says the model was made for (2048 where
/// it does not say).
Encoder make_encoder(const model::Model& model, const text::Tokenizer& tokenizer, std::int64_t max_length);

}  // namespace uncurl::eval
