#include "uncurl/report/eval_file.h"

#include "uncurl/base/error.h"
#include "uncurl/report/fields.h"
#include "uncurl/report/measured.h"

namespace uncurl::report {
namespace {

std::vector<ScoreChange> read_changes(const JsonObject& file) {
  std::vector<ScoreChange> changes;
  for (const JsonObject& task : objects(file, "comparison")) {
    for (const JsonObject& metric : objects(task, "metrics")) {
      changes.push_back({.task = task.string("task"),
                         .metric = metric.string("metric"),
                         .n = metric.integer("n"),
                         .original = estimate_of(metric.object("original")),
                         .model = estimate_of(metric.object("model")),
                         .difference = estimate_of(metric.object("difference")),
                         .num_lost = optional_integer(metric, "lost"),
                         .num_gained = optional_integer(metric, "gained"),
                         .p = optional_number(metric, "mcnemar_p")});
    }
  }
  return changes;
}

Point point_of(const ModelFacts& model, std::vector<TaskResult> results) {
  check(model.num_experts.has_value(), "the model '", model.name, "' of an eval.json tells no number of experts");
  return {.method = model.name,
          .experts = *model.num_experts,
          .parameters = model.parameters,
          .bytes = model.bytes,
          .results = std::move(results)};
}

}  // namespace

Study read_eval(const JsonObject& file) {
  check(file.integer("version") == 1, file.place(), ": this program reads version 1 of eval.json, found version ",
        file.integer("version"));
  Study study{.place = file.place(), .version = file.string("uncurl", ""), .timings = read_timings(file)};
  const ModelFacts model = read_model(file.object("model"));
  std::vector<TaskResult> results = read_results(file);
  for (const TaskResult& result : results)
    study.tasks.push_back({.name = result.task, .held_out_tokens = result.num_tokens});
  if (!file.has("against")) {
    study.model = model;
    study.original = std::move(results);
    return study;
  }
  study.model = read_model(file.object("against"));
  study.original = read_results(file.object("original"));
  study.points.push_back(with_context(file.place(), [&] { return point_of(model, std::move(results)); }));
  study.changes = read_changes(file);
  return study;
}

}  // namespace uncurl::report
