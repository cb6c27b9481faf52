#include "uncurl/study/protocol/run_stage.h"

#include <algorithm>

#include "uncurl/base/error.h"
#include "uncurl/base/file_lock.h"
#include "uncurl/base/hash.h"
#include "uncurl/base/work_folder.h"
#include "uncurl/base/write_file.h"
#include "uncurl/eval/evaluate.h"
#include "uncurl/prune/observe.h"
#include "uncurl/prune/output_folder.h"
#include "uncurl/prune/planner.h"
#include "uncurl/prune/quality.h"
#include "uncurl/prune/result_file.h"
#include "uncurl/prune/stats_file.h"
#include "uncurl/prune/verify.h"
#include "uncurl/prune/write.h"
#include "uncurl/text/sample.h"
#include "uncurl/text/source.h"
#include "uncurl/train/trainer.h"

namespace uncurl::study {
namespace {

namespace fs = std::filesystem;

/// All stages compute in fp32, whatever training does.
Compute compute() { return {.dtype = at::kFloat}; }

void observe(const StudyConfig& config, const Stage& stage, const fs::path& model_folder, const Listener& listener) {
  const model::Model model = model::open_model(model_folder);
  const text::ReadOptions read{.record_template = {},
                               .tasks_folder = config.pretrain.tasks_folder,
                               .data_root = config.pretrain.data_root,
                               .split = task_rows(stage.task).split};
  const text::Source rows = text::read_source({stage.task, {}}, read);
  const std::unique_ptr<text::Tokenizer> tokenizer = text::open_tokenizer(model_folder, model.config.vocab_size);
  const text::SampleOptions sample{.sequence_length = config.pretrain.sequence_length,
                                   .max_tokens = config.observe_tokens};
  const std::vector<text::SampledSource> sources = text::sample_rows({rows}, {}, *tokenizer, sample, listener);
  prune::ObserveOptions options;
  if (stage.keeps_inputs) options.input_tokens = prune::kDefaultInputTokens;
  options.provenance = {{"sequence_length", sample.sequence_length}, {"max_tokens", sample.max_tokens}};
  prune::write_stats(stage.path, prune::observe(model, compute(), sources, options, listener));
}

/// The checkpoint with plan.json and result.json, verified, as `uncurl prune` leaves it but for times.
void prune_model(const StudyConfig& config, const Stage& stage, const fs::path& model_folder,
                 const fs::path& statistics, const Listener& listener) {
  const model::Model model = model::open_model(model_folder);
  const prune::RoutingStats stats = prune::read_stats(statistics, model.config);
  prune::OutputFolder output(stage.path, model_folder, /*overwrite=*/false);
  prune::Plan plan =
      prune::make_plan(model, stats, stage.variant.experts,
                       {.method = stage.variant.method, .seed = static_cast<std::uint64_t>(stage.seed)}, listener);
  plan.stats_path = fs::path("..") / statistics.filename();
  plan.stats_hash = file_hash(statistics);
  const prune::TensorHashes hashes =
      prune::write_checkpoint(model, plan, prune::mix_all(stats, plan.weights), output.partial(), listener);
  const prune::Verification verified = prune::verify_checkpoint(model, plan, output.partial(), listener, &hashes);
  const model::Model smaller = model::open_model(output.partial());
  const std::vector<prune::Quality> qualities = prune::measure_checkpoint(
      model::LayerStream(model, compute()), model::LayerStream(smaller, compute()), stats, listener);
  prune::write_result(output.partial(), model.config, plan, verified, qualities, config.program,
                      /*seconds=*/std::nullopt);
  prune::write_plan(output.partial() / "plan.json", plan);
  output.commit();
}

void evaluate(const StudyConfig& config, const Stage& stage, const fs::path& model_folder, const Listener& listener) {
  const model::Model model = model::open_model(model_folder);
  const std::unique_ptr<text::Tokenizer> tokenizer = text::open_tokenizer(model_folder, model.config.vocab_size);
  const eval::PreparedTask task = eval::prepare(
      stage.task, eval::make_encoder(model, *tokenizer, 0),
      {.split = "validation", .tasks_folder = config.pretrain.tasks_folder, .data_root = config.pretrain.data_root});
  const model::LayerStream stream(model, compute(), model::fitting_weights(model, compute()));
  const eval::TaskResult result = eval::evaluate(stream, *tokenizer, task, {.write = false}, listener);
  Json scores = Json::array(), labels = Json::array();
  for (std::size_t i = 0; i < task.items.size(); ++i) {
    check(result.items[i].prediction >= 0, stage.task, ": has no choices to tell apart; a study needs tasks with some");
    labels.push_back(task.items[i].example.label);
    scores.push_back(result.items[i].prediction == task.items[i].example.label ? 1 : 0);
  }
  write_json(stage.path, {{"kind", "study evaluation"},
                          {"version", 1},
                          {"task", stage.task},
                          {"content_hash", task.content_hash},
                          {"loss", result.loss.mean},
                          {"labels", labels},
                          {"scores", scores}});
}

/// Several processes, on one machine or on several with a common file system, can work on one study: a stage that one
/// of them runs is locked for the others.
fs::path lock_of(const Stage& stage) {
  fs::path path = stage.path;
  path += ".lock";
  return path;
}

void run_undone(const StudyConfig& config, const std::vector<Stage>& stages, const Stage& stage,
                const Listener& listener) {
  if (is_training(stage.kind)) {
    train::TrainConfig run = stage.train;
    run.program = config.program;
    train::train(run, listener);
    return;
  }
  const fs::path& model = stages[*stage.model].path;
  if (stage.kind == StageKind::kObserve) observe(config, stage, model, listener);
  if (stage.kind == StageKind::kPrune) prune_model(config, stage, model, stages[*stage.statistics].path, listener);
  if (stage.kind == StageKind::kEvaluate) evaluate(config, stage, model, listener);
}

}  // namespace

void clean_up_after(const Stage& done) {
  const fs::path left = partial_name(done.path);
  if (!fs::exists(lock_of(done)) && !fs::exists(left)) return;
  const FileLock lock(lock_of(done));  // removes its own file in the end
  std::error_code ignored;
  if (lock.is_held()) fs::remove_all(left, ignored);
}

Run run_stage(const StudyConfig& config, const std::vector<Stage>& stages, const Stage& stage,
              const Listener& listener) {
  if (fs::exists(stage.path)) return Run::kDone;
  for (const std::optional<std::size_t>& needed : {stage.model, stage.statistics}) {
    if (needed && !fs::exists(stages[*needed].path)) return Run::kWaiting;
  }
  const FileLock lock(lock_of(stage));
  if (!lock.is_held()) return Run::kElsewhere;
  if (fs::exists(stage.path)) return Run::kDone;
  with_context(stage.name(), [&] {
    try {
      run_undone(config, stages, stage, listener);
    } catch (const FinishedBefore&) {  // by a process that was killed just before the stage had its name
    }
  });
  return Run::kDone;
}

Evaluation read_evaluation(const fs::path& path) {
  const Json json = read_json(path);
  const JsonObject file(json, path.string());
  check(file.string("kind", "") == "study evaluation", path.string(), ": is no evaluation of a study");
  Evaluation evaluation;
  evaluation.content_hash = file.string("content_hash");
  evaluation.loss = file.number("loss");
  for (const Json& score : file.array("scores")) evaluation.scores.push_back(score.get<double>());
  for (const Json& label : file.array("labels")) evaluation.labels.push_back(label.get<int>());
  check(!evaluation.scores.empty() && evaluation.scores.size() == evaluation.labels.size(), path.string(),
        ": scores and labels are not as many");
  return evaluation;
}

}  // namespace uncurl::study
