#include "uncurl/study/protocol/cost.h"

#include <fstream>
#include <map>
#include <memory>

#include "uncurl/base/error.h"
#include "uncurl/eval/prepare.h"
#include "uncurl/model/family.h"
#include "uncurl/text/tokenizer.h"
#include "uncurl/train/batches.h"
#include "uncurl/train/cost.h"
#include "uncurl/train/data.h"

namespace uncurl::study {
namespace {

namespace fs = std::filesystem;

/// Counts the tokens of stages, each task and each run once.
class TokenCounter {
 public:
  TokenCounter(const StudyConfig& config, const Listener& listener)
      : config_(config),
        listener_(listener),
        folder_(config.pretrain.model.tokenizer),
        tokenizer_(text::open_tokenizer(folder_)) {}

  std::int64_t of(const Stage& stage) {
    if (is_training(stage.kind)) return of_run(stage);
    if (stage.kind == StageKind::kObserve) return config_.observe_tokens;
    if (stage.kind == StageKind::kEvaluate) return of_task(stage.task);
    return 0;  // pruning measures a few held-out rows alone
  }

 private:
  std::int64_t of_run(const Stage& stage) {
    const train::TrainConfig& run = stage.train;
    if (run.budget.tokens > 0) return run.budget.tokens;
    if (run.budget.steps > 0) {
      const std::int64_t rows = run.batch.rows * run.sequence_length;
      return run.budget.steps * (run.batch.tokens > 0 ? run.batch.tokens : rows);
    }
    const auto [known, is_new] = tokens_.emplace(concat(kind_name(stage.kind), " ", stage.task), 0);
    if (is_new) {
      train::TrainConfig reading = run;
      reading.validation = {};
      const std::int32_t end = text::end_of_text(folder_, *tokenizer_).required();
      const train::Corpus corpus = train::read_corpus(reading, *tokenizer_, end, listener_);
      for (const train::Step& step : train::plan_steps(corpus.training, run)) known->second += step.num_tokens;
    }
    return known->second;
  }

  std::int64_t of_task(const std::string& task) {
    const auto [known, is_new] = tokens_.emplace("evaluate " + task, 0);
    if (is_new) {
      const eval::Encoder encoder{*tokenizer_, text::beginning_of_text(folder_, *tokenizer_),
                                  config_.pretrain.sequence_length};
      const eval::PreparedTask prepared = eval::prepare(task, encoder,
                                                        {.split = "validation",
                                                         .tasks_folder = config_.pretrain.tasks_folder,
                                                         .data_root = config_.pretrain.data_root});
      known->second = prepared.requests.rows.num_tokens();
    }
    return known->second;
  }

  const StudyConfig& config_;
  const Listener& listener_;
  const fs::path& folder_;
  std::unique_ptr<text::Tokenizer> tokenizer_;
  std::map<std::string, std::int64_t> tokens_;
};

double flops_of(const StudyConfig& config, const Stage& stage, std::int64_t tokens) {
  const Json changes = stage.variant.dense_size ? config.dense_sizes[*stage.variant.dense_size] : Json();
  const Json json = model_config(config, changes, stage.variant.experts);
  const model::Family& family = model::find_family(JsonObject(json, "model").string("model_type"));
  const double training =
      train::flops_per_token(model::read_config(json, family, "model"), config.pretrain.sequence_length);
  return static_cast<double>(tokens) * (is_training(stage.kind) ? training : training / 3);
}

/// Seconds of a finished training run, from its log.
double seconds_of(const fs::path& run) {
  std::ifstream log(run / "log.jsonl");
  double seconds = 0;
  for (std::string line; std::getline(log, line);) {
    const Json json = Json::parse(line, /*callback=*/nullptr, /*allow_exceptions=*/false);
    if (json.is_object() && json.contains("seconds") && json["seconds"].is_number()) {
      seconds += json["seconds"].get<double>();
    }
  }
  return seconds;
}

}  // namespace

std::vector<StageCost> costs_of(const StudyConfig& config, const std::vector<Stage>& stages, int num_threads,
                                const Listener& listener) {
  TokenCounter counter(config, listener);
  std::vector<StageCost> costs;
  double done_flops = 0, done_seconds = 0;
  for (const Stage& stage : stages) {
    StageCost cost{.tokens = counter.of(stage), .is_done = fs::exists(stage.path)};
    cost.flops = flops_of(config, stage, cost.tokens);
    if (cost.is_done && is_training(stage.kind)) {
      cost.seconds = seconds_of(stage.path);
      done_flops += cost.flops;
      done_seconds += cost.seconds;
    }
    costs.push_back(cost);
  }
  const double rate = done_seconds > 0 ? done_flops / done_seconds : kAssumedRate * num_threads;
  for (StageCost& cost : costs) {
    if (!cost.is_done) cost.seconds = cost.flops / rate;
  }
  return costs;
}

}  // namespace uncurl::study
