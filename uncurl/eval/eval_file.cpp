#include "uncurl/eval/eval_file.h"

#include <algorithm>
#include <cmath>
#include <ostream>

#include "uncurl/base/file.h"
#include "uncurl/model/create.h"

namespace uncurl::eval {
namespace {

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json estimate_json(const math::Estimate& e) {
  return {{"value", e.mean}, {"low", number(e.low)}, {"high", number(e.high)}};
}

Json optional_json(const std::optional<math::Estimate>& e) { return e ? estimate_json(*e) : Json(); }

Json metric_json(const Metric& metric) {
  Json json = {{"metric", metric.name}, {"n", metric.estimate.n}};
  json.update(estimate_json(metric.estimate));
  return json;
}

math::Estimate exponential(const math::Estimate& e) {
  return {std::exp(e.mean), std::exp(e.low), std::exp(e.high), e.n};
}

/// Without the folder, which differs from machine to machine.
std::string short_place(const std::string& place) {
  const std::size_t slash = place.rfind('/');
  return slash == std::string::npos ? place : place.substr(slash + 1);
}

Json outcome_json(const ItemResult& item) {
  Json json = {{"tokens", item.num_tokens}, {"loss", item.loss}};
  if (item.prediction >= 0) json["prediction"] = item.prediction;
  json["loglikelihoods"] = item.loglikelihoods;
  json["greedy"] = item.greedy;
  if (!item.answer.empty()) json["answer"] = item.answer;
  json["score"] = item.score;
  return json;
}

Json item_json(const PreparedTask& task, const TaskResult& result, const TaskResult* original, std::size_t i,
               bool with_texts) {
  const text::TaskExample& example = task.items[i].example;
  Json json = {{"task", task.name}, {"row", i}, {"place", short_place(example.place)}};
  if (example.choices.size() > 1) json["label"] = example.label;
  if (with_texts) {
    json["prompt"] = example.prompt;
    if (!example.contexts.empty()) json["contexts"] = example.contexts;
    json["choices"] = example.choices;
  }
  if (!example.answers.empty()) json["answers"] = example.answers;
  if (original == nullptr) {
    json.update(outcome_json(result.items[i]));
    return json;
  }
  json["original"] = outcome_json(original->items[i]);
  json["model"] = outcome_json(result.items[i]);
  json["kl"] = result.items[i].kl / static_cast<double>(result.items[i].num_tokens);
  return json;
}

std::string folder_name(const std::filesystem::path& folder) {
  const std::filesystem::path normal = std::filesystem::absolute(folder).lexically_normal();
  return (normal.has_filename() ? normal : normal.parent_path()).filename().string();
}

std::int64_t active_parameters(const model::Model& model) {
  const model::ModelConfig& config = model.config;
  std::int64_t active = model.checkpoint.num_parameters();
  for (const model::LayerKind& layer : config.layers) {
    const std::int64_t idle = layer.moe ? std::max<std::int64_t>(0, layer.num_experts - config.routing.top_k) : 0;
    active -= idle * model::count_expert_parameters(config);
  }
  return active;
}

}  // namespace

Json model_json(const model::Model& model) {
  const model::ModelConfig& config = model.config;
  return {{"name", folder_name(model.folder())},
          {"fingerprint", model.checkpoint.fingerprint()},
          {"family", config.model_type},
          {"layers", config.num_layers()},
          {"moe_layers", config.moe_layers()},
          {"experts", config.num_experts},
          {"top_k", config.routing.top_k},
          {"parameters", model.checkpoint.num_parameters()},
          {"active_parameters", active_parameters(model)},
          {"bytes", model.checkpoint.total_bytes()}};
}

Json result_json(const TaskResult& result) {
  Json json = {{"task", result.name},
               {"split", result.split},
               {"items", result.items.size()},
               {"left_out_rows", result.num_left_out},
               {"rows_hash", result.content_hash},
               {"task_hash", result.file_hash.empty() ? Json() : Json(result.file_hash)},
               {"tokens", result.num_tokens},
               {"loss", estimate_json(result.loss)},
               {"perplexity", estimate_json(exponential(result.loss))},
               {"kl", optional_json(result.kl)},
               {"agreement", optional_json(result.agreement)},
               {"score", nullptr},
               {"metrics", Json::array()}};
  if (!result.metrics.empty()) json["score"] = metric_json(result.metrics.front());
  for (const Metric& metric : result.metrics) json["metrics"].push_back(metric_json(metric));
  return json;
}

Json comparison_json(const TaskResult& original, const TaskComparison& comparison) {
  Json metrics = Json::array();
  for (const MetricComparison& metric : comparison.metrics) {
    Json json = {{"metric", metric.name},
                 {"n", metric.original.n},
                 {"original", estimate_json(metric.original)},
                 {"model", estimate_json(metric.other)},
                 {"difference", estimate_json(metric.difference)}};
    if (metric.has_test) {
      json["lost"] = metric.lost;
      json["gained"] = metric.gained;
      json["mcnemar_p"] = metric.mcnemar;
    }
    metrics.push_back(std::move(json));
  }
  return {{"task", original.name},
          {"loss_difference", estimate_json(comparison.loss_difference)},
          {"flips", comparison.flips.size()},
          {"metrics", std::move(metrics)}};
}

void write_items(const std::filesystem::path& path, const std::vector<PreparedTask>& tasks,
                 const std::vector<TaskResult>& results, const std::vector<TaskResult>& originals, bool only_flips) {
  write_file(path, [&](std::ostream& out) {
    for (std::size_t t = 0; t < tasks.size(); ++t) {
      const TaskResult* const original = originals.empty() ? nullptr : &originals[t];
      for (std::size_t i = 0; i < results[t].items.size(); ++i) {
        if (only_flips && original->items[i].score == results[t].items[i].score) continue;
        out << json_text(item_json(tasks[t], results[t], original, i, only_flips)) << "\n";
      }
    }
  });
}

}  // namespace uncurl::eval
