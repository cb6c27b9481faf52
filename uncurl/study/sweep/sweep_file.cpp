#include "uncurl/study/sweep/sweep_file.h"

#include <algorithm>
#include <cmath>

#include "uncurl/eval/eval_file.h"
#include "uncurl/prune/method.h"
#include "uncurl/prune/quality.h"
#include "uncurl/study/sweep/cross_task.h"
#include "uncurl/study/sweep/paired_loss.h"

namespace uncurl::study {
namespace {

Json finite(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json estimate_json(const math::Estimate& estimate) {
  return {{"value", finite(estimate.mean)}, {"low", finite(estimate.low)}, {"high", finite(estimate.high)}};
}

Json score_json(const std::vector<TaskScore>& scores, const std::string& task) {
  for (const TaskScore& score : scores) {
    if (score.task != task) continue;
    Json json = {{"metric", score.metric}, {"n", score.estimate.n}};
    json.update(estimate_json(score.estimate));
    return json;
  }
  return nullptr;
}

Json results_json(const std::vector<prune::Quality>& qualities, const std::vector<TaskScore>& scores) {
  Json json = Json::array();
  for (const prune::Quality& quality : qualities) {
    json.push_back({{"task", quality.source},
                    {"tokens", quality.num_tokens},
                    {"loss", estimate_json(quality.loss_pruned)},
                    {"perplexity", estimate_json(prune::perplexity(quality.loss_pruned))},
                    {"kl", estimate_json(quality.kl)},
                    {"agreement", estimate_json(quality.agreement)},
                    {"score", score_json(scores, quality.source)}});
  }
  return json;
}

/// The original beside itself.
Json original_json(const Point& any, const prune::HeldOut& held_out, const std::vector<TaskScore>& scores) {
  Point original{.key = {}, .method = {}, .router = {}, .experts_of_layer = {}, .error_of_layer = {}, .groups = {}};
  for (const prune::RowSums& row : any.rows) {
    original.rows.push_back({.tokens = row.tokens,
                             .loss_original = row.loss_original,
                             .loss_pruned = row.loss_original,
                             .agrees = row.tokens});
  }
  return {{"results", results_json(qualities_of(original, held_out), scores)}};
}

std::vector<std::string> source_names(const prune::RoutingStats& stats) {
  std::vector<std::string> names;
  for (const prune::SourceInfo& source : stats.sources) names.push_back(source.name);
  return short_names(names);
}

std::int64_t held_out_tokens(const prune::HeldOut& held_out, const std::string& task) {
  const std::vector<std::string> names = short_names(held_out.source_names);
  std::int64_t tokens = 0;
  for (std::int64_t row = 0; row < held_out.rows.num_rows(); ++row) {
    const auto r = static_cast<std::size_t>(row);
    if (names[static_cast<std::size_t>(held_out.source_of_row[r])] != task) continue;
    tokens += held_out.rows.begins[r + 1] - held_out.rows.begins[r];
  }
  return tokens;
}

/// Weights are shares of the mixture: those asked for, else in proportion to tokens.
Json tasks_json(const prune::RoutingStats& stats) {
  const std::vector<std::string> names = source_names(stats);
  const std::vector<double> factors = prune::mixture_factors(stats, {});
  double total = 0;
  for (std::size_t s = 0; s < factors.size(); ++s) {
    total += factors[s] * static_cast<double>(stats.sources[s].num_tokens);
  }
  Json json = Json::array();
  for (std::size_t s = 0; s < names.size(); ++s) {
    const auto tokens = static_cast<double>(stats.sources[s].num_tokens);
    json.push_back({{"name", names[s]},
                    {"observed_tokens", stats.sources[s].num_tokens},
                    {"held_out_tokens", held_out_tokens(stats.held_out, names[s])},
                    {"weight", factors[s] * tokens / total}});
  }
  return json;
}

Json points_json(const SweepRequest& request, const std::vector<Point>& points, const prune::HeldOut& held_out) {
  const std::vector<std::optional<math::Estimate>> beyond_least = kl_beyond_least(points);
  Json json = Json::array();
  for (std::size_t p = 0; p < points.size(); ++p) {
    const Point& point = points[p];
    const std::optional<double> error = point.predicted_error();
    json.push_back({{"method", point_label(point, request)},
                    {"router", point.router},
                    {"experts", point.experts},
                    {"mixed", point.mixed},
                    {"experts_of_layer", point.experts_of_layer},
                    {"parameters", point.parameters},
                    {"bytes", point.bytes},
                    {"predicted_speed", point.predicted_speed},
                    {"predicted_error", error ? Json(*error) : Json()},
                    {"kl_beyond_least", beyond_least[p] ? estimate_json(*beyond_least[p]) : Json()},
                    {"seconds", point.seconds},
                    {"results", results_json(qualities_of(point, held_out), point.scores)}});
  }
  return json;
}

Json threshold_json(const SweepRequest& request, const std::vector<MethodThreshold>& thresholds) {
  Json methods = Json::array();
  for (const MethodThreshold& method : thresholds) {
    const Threshold& threshold = method.threshold;
    methods.push_back({{"method", method.method},
                       {"experts", threshold.num_experts ? Json(*threshold.num_experts) : Json()},
                       {"low", threshold.low},
                       {"high", threshold.high}});
  }
  return {{"tolerance", request.tolerance}, {"measure", "loss"}, {"methods", methods}};
}

Json prediction_json(const std::vector<RankCheck>& ranking) {
  if (ranking.empty()) return nullptr;
  Json json, by_count = Json::array();
  for (const RankCheck& check : ranking) {
    Json entry = {{"spearman", estimate_json(check.spearman)}, {"pairs", check.spearman.n}};
    if (check.num_experts == 0) {
      json = entry;
    } else {
      entry["experts"] = check.num_experts;
      by_count.push_back(entry);
    }
  }
  json["by_count"] = by_count;
  return json;
}

Json matrix_json(const Tensor& affinity_EE) {
  Json rows = Json::array();
  for (std::int64_t e = 0; e < affinity_EE.size(0); ++e) rows.push_back(prune::plain(affinity_EE[e]));
  return rows;
}

Json layers_json(const prune::RoutingStats& stats, const SweepRequest& request, const std::vector<Point>& points) {
  const std::vector<prune::LayerSummary> summaries = prune::mix_all(stats, {});
  Json json = Json::array();
  for (std::size_t l = 0; l < summaries.size(); ++l) {
    Json usage = Json::array(), error = Json::object(), groups = Json::object();
    for (std::size_t s = 0; s < stats.sources.size(); ++s) usage.push_back(usage_shares(stats.layers[l], s));
    for (const Point& point : points) {
      const std::string label = point_label(point, request), count = std::to_string(point.experts);
      if (!point.error_of_layer.empty()) error[label][count] = point.error_of_layer[l];
      if (!point.groups.empty()) groups[label][count] = point.groups[l];
    }
    json.push_back({{"layer", summaries[l].layer},
                    {"usage", usage},
                    {"affinity", matrix_json(prune::layer_affinity(summaries[l], prune::kDefaultAffinity))},
                    {"error", error},
                    {"groups", groups}});
  }
  return json;
}

Json cross_task_json(const std::optional<CrossTask>& cross) {
  if (!cross) return nullptr;
  Json kl = Json::array();
  for (const std::vector<math::Estimate>& row : cross->kl) {
    kl.push_back(Json::array());
    for (const math::Estimate& estimate : row) kl.back().push_back(estimate_json(estimate));
  }
  return {{"method", cross->method},
          {"experts", cross->experts},
          {"tasks", cross->tasks},
          {"kl", kl},
          {"overlap", cross->overlap}};
}

}  // namespace

std::string point_label(const Point& point, const SweepRequest& request) {
  return point.method + (has_usual_router(point, request) ? "" : " " + point.router) + (point.mixed ? " (mixed)" : "");
}

std::vector<prune::Quality> qualities_of(const Point& point, const prune::HeldOut& held_out) {
  std::vector<prune::Quality> qualities = prune::summarize_rows(point.rows, held_out);
  const std::vector<std::string> names = short_names(held_out.source_names);
  for (prune::Quality& quality : qualities) {
    const auto found = std::find(held_out.source_names.begin(), held_out.source_names.end(), quality.source);
    if (found == held_out.source_names.end()) continue;  // "all"
    quality.source = names[static_cast<std::size_t>(found - held_out.source_names.begin())];
  }
  return qualities;
}

Json sweep_json(const Evidence& evidence, const SweepRequest& request, const std::vector<Point>& points,
                const Findings& findings, const SweepNotes& notes) {
  const prune::RoutingStats& stats = evidence.stats;
  Json timings = Json::object();
  for (const auto& [stage, seconds] : notes.seconds) timings[stage] = seconds;
  return {{"kind", "sweep"},
          {"version", 1},
          {"uncurl", notes.uncurl},
          {"command", notes.command},
          {"model", eval::model_json(evidence.original.model())},
          {"tasks", tasks_json(stats)},
          {"original", original_json(points.front(), stats.held_out, notes.original_scores)},
          {"points", points_json(request, points, stats.held_out)},
          {"threshold", threshold_json(request, findings.thresholds)},
          {"pareto", findings.pareto},
          {"prediction", prediction_json(findings.ranking)},
          {"layers", layers_json(stats, request, points)},
          {"cross_task", cross_task_json(findings.cross_task)},
          {"timings", timings}};
}

}  // namespace uncurl::study
