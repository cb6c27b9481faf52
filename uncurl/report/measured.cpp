#include "uncurl/report/measured.h"

#include "uncurl/report/fields.h"

namespace uncurl::report {

ModelFacts read_model(const JsonObject& object) {
  return {.name = object.string("name"),
          .family = object.string("family", ""),
          .num_layers = optional_integer(object, "layers"),
          .num_experts = optional_integer(object, "experts"),
          .top_k = optional_integer(object, "top_k"),
          .parameters = optional_integer(object, "parameters"),
          .active_parameters = optional_integer(object, "active_parameters"),
          .bytes = optional_integer(object, "bytes")};
}

std::vector<TaskResult> read_results(const JsonObject& object) {
  std::vector<TaskResult> results;
  for (const JsonObject& entry : objects(object, "results")) {
    TaskResult result{.task = entry.string("task"),
                      .num_tokens = optional_integer(entry, "tokens"),
                      .loss = optional_estimate(entry, "loss"),
                      .perplexity = optional_estimate(entry, "perplexity"),
                      .kl = optional_estimate(entry, "kl"),
                      .agreement = optional_estimate(entry, "agreement")};
    if (entry.has("score")) {
      const JsonObject score = entry.object("score");
      result.score = Score{score.string("metric"), score.integer("n", 0), estimate_of(score)};
    }
    results.push_back(std::move(result));
  }
  return results;
}

std::vector<std::pair<std::string, double>> read_timings(const JsonObject& file) {
  std::vector<std::pair<std::string, double>> timings;
  if (!file.has("timings")) return timings;
  const JsonObject object = file.object("timings");
  for (const auto& [stage, value] : object.json().items()) {
    if (!value.is_null()) timings.emplace_back(stage, object.number(stage));
  }
  return timings;
}

}  // namespace uncurl::report
