#include "uncurl/eval/evaluate.h"

#include "uncurl/base/error.h"
#include "uncurl/eval/generate.h"
#include "uncurl/eval/program_tests.h"

namespace uncurl::eval {
namespace {

/// The program ends where the model stopped; the tests follow.
std::vector<bool> run_programs(const PreparedTask& task, const std::vector<std::string>& texts,
                               const Listener& listener) {
  std::vector<bool> passed;
  const auto total = static_cast<std::int64_t>(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    passed.push_back(program_passes(texts[i] + "\n" + task.items[i].example.tests + "\n"));
    listener.progress({"running programs", "programs", static_cast<std::int64_t>(i) + 1, total});
  }
  return passed;
}

std::optional<Written> write(const model::LayerStream& stream, const text::Tokenizer& tokenizer,
                             const PreparedTask& task, const EvaluateOptions& options, const Listener& listener) {
  if (!task.generation || !options.write) return std::nullopt;
  const bool needs_programs = task.metric == "pass_at_1";
  if (needs_programs && !options.run_programs) return std::nullopt;
  Written written{.texts = generate(stream, tokenizer, task.prompts, *task.generation, options.edit, listener)};
  if (needs_programs) written.passed = run_programs(task, written.texts, listener);
  return written;
}

}  // namespace

Evaluation evaluate(const model::LayerStream& stream, const text::Tokenizer& tokenizer, const PreparedTask& task,
                    const EvaluateOptions& options, const Reference* original, const Listener& listener) {
  Reference reference{final_hidden(stream, task.requests, options.edit, task.name, listener), stream.head()};
  const TokenScores scores = token_scores(reference.final_PD, reference.head_VD, task.requests);
  const std::optional<Written> written = write(stream, tokenizer, task, options, listener);
  Evaluation evaluation{judge(task, scores, written ? &*written : nullptr), std::move(reference)};
  if (original != nullptr) {
    add_comparison(evaluation.result,
                   compare_tokens(original->final_PD, original->head_VD, evaluation.reference.final_PD,
                                  evaluation.reference.head_VD, right_answer_positions(task)));
  }
  return evaluation;
}

Encoder make_encoder(const model::Model& model, const text::Tokenizer& tokenizer, std::int64_t max_length) {
  const JsonObject config(model.config_json, (model.folder() / "config.json").string());
  const std::int64_t made_for = config.integer("max_position_embeddings", 2048);
  if (max_length == 0) max_length = made_for;
  check(tokenizer.vocabulary_size() <= model.config.vocab_size, model.folder().string(),
        ": the tokenizer has ids up to ", tokenizer.vocabulary_size() - 1, ", but the embeddings ",
        model.config.vocab_size, " rows; is it the tokenizer of another model?");
  return {tokenizer, text::beginning_of_text(model.folder(), tokenizer), max_length};
}

}  // namespace uncurl::eval
