#include "uncurl/eval/evaluate.h"

#include <ATen/ATen.h>

#include <chrono>
#include <optional>

#include "uncurl/base/error.h"
#include "uncurl/eval/generate.h"
#include "uncurl/eval/program_tests.h"

namespace uncurl::eval {
namespace {

using Clock = std::chrono::steady_clock;

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
  Written written{.texts = generate(stream, tokenizer, task.prompts, *task.generation, listener)};
  if (needs_programs) written.passed = run_programs(task, written.texts, listener);
  return written;
}

/// A model on its way through a task.
class Subject {
  template <class Work>
  auto timed(Work work) {
    const Clock::time_point begin = Clock::now();
    auto result = work();
    seconds_ += std::chrono::duration<double>(Clock::now() - begin).count();
    return result;
  }

 public:
  Subject(const model::LayerStream& stream, const PreparedTask& task, std::string label)
      : stream_(stream), task_(task), label_(std::move(label)), head_VD_(stream.head()) {
    scores_ = empty_scores(task.requests);
  }

  const Tensor& head_VD() const { return head_VD_; }
  double seconds() const { return seconds_; }

  /// Scores the block and returns what the head saw: [n,D].
  Tensor run(const Block& block, const Listener& listener) {
    return timed([&] {
      Tensor final_nD = final_hidden(stream_, task_.requests, block, {}, label_, listener);
      add_scores_(scores_, final_nD, head_VD_, task_.requests, block);
      return final_nD;
    });
  }

  TaskResult finish(const text::Tokenizer& tokenizer, const EvaluateOptions& options, const Listener& listener) {
    return timed([&] {
      const std::optional<Written> written = write(stream_, tokenizer, task_, options, listener);
      return judge(task_, scores_, written ? &*written : nullptr);
    });
  }

 private:
  const model::LayerStream& stream_;
  const PreparedTask& task_;
  std::string label_;
  Tensor head_VD_;
  TokenScores scores_;
  double seconds_ = 0;
};

/// Puts what two models say of the right answers' tokens in a block to its place among all of them.
/// @param positions_R  of right_answer_positions
void add_block_(TokenComparison& comparison, const Subject& original, const Tensor& original_nD, const Subject& other,
                const Tensor& other_nD, const Tensor& positions_R, const Block& block) {
  const Tensor inside = positions_R.ge(block.first_position).logical_and(positions_R.lt(block.end_position));
  const Tensor where = inside.nonzero().squeeze(1);
  if (where.size(0) == 0) return;
  const TokenComparison part = compare_tokens(original_nD, original.head_VD(), other_nD, other.head_VD(),
                                              positions_R.index_select(0, where) - block.first_position);
  comparison.kl.index_copy_(0, where, part.kl);
  comparison.agrees.index_copy_(0, where, part.agrees);
}

}  // namespace

TaskResult evaluate(const model::LayerStream& stream, const text::Tokenizer& tokenizer, const PreparedTask& task,
                    const EvaluateOptions& options, const Listener& listener) {
  Subject subject(stream, task, task.name);
  for (const Block& block : blocks_of(task.requests)) subject.run(block, listener);
  return subject.finish(tokenizer, options, listener);
}

PairResult evaluate_pair(const model::LayerStream& original, const model::LayerStream& other,
                         const text::Tokenizer& tokenizer, const PreparedTask& task, const EvaluateOptions& options,
                         const Listener& listener) {
  const c10::InferenceMode inference;
  Subject before(original, task, concat(task.name, ", original")), after(other, task, task.name);
  const Tensor positions_R = right_answer_positions(task);
  TokenComparison comparison{at::empty(positions_R.sizes(), at::kDouble), at::empty(positions_R.sizes(), at::kDouble)};
  for (const Block& block : blocks_of(task.requests)) {
    const Tensor before_nD = before.run(block, listener), after_nD = after.run(block, listener);
    add_block_(comparison, before, before_nD, after, after_nD, positions_R, block);
  }
  PairResult pair{before.finish(tokenizer, options, listener), after.finish(tokenizer, options, listener)};
  add_comparison(pair.other, comparison);
  pair.original_seconds = before.seconds();
  pair.other_seconds = after.seconds();
  return pair;
}

Encoder make_encoder(const model::Model& model, const text::Tokenizer& tokenizer, std::int64_t max_length) {
  constexpr std::int64_t kUsualLength = 2048;  // lm-evaluation-harness takes it where a config says nothing
  const std::int64_t learned = model.config.num_positions, made_for = model::max_positions(model);
  if (max_length == 0) max_length = made_for > 0 ? made_for : kUsualLength;
  check(learned == 0 || max_length <= learned, model.folder().string(), ": a length of ", max_length,
        " tokens was asked for, but the model has learned ", learned, " positions (n_positions in config.json)");
  return {tokenizer, text::beginning_of_text(model.folder(), tokenizer), max_length};
}

}  // namespace uncurl::eval
