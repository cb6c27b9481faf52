// Accuracy against the number of experts: trained from scratch, and pruned down to as many.
#include <algorithm>

#include "uncurl/report/figure.h"
#include "uncurl/report/section.h"
#include "uncurl/report/specs.h"

namespace uncurl::report {
namespace {

std::string series_of(const TrainedModel& model) {
  return model.pruned_from ? model.method + ", from " + std::to_string(*model.pruned_from) : "from scratch";
}

std::string seeds_text(const std::vector<double>& by_seed) {
  std::string text;
  for (const double score : by_seed) text += (text.empty() ? "" : ", ") + number_text(100 * score, 1);
  return text;
}

Figure figure_of(const TrainedModels& trained, const TrainedTask& task) {
  Json rows = Json::array();
  Table table{.head = {"Model", "Accuracy, %", "Rows", "By seed"}};
  std::vector<std::string> series;
  std::vector<std::int64_t> counts;
  std::int64_t num_rows = 0;
  for (const TrainedScore& score : trained.scores) {
    if (score.task != task.name) continue;
    num_rows = score.n;
    const Estimate percent{100 * score.accuracy.value, 100 * score.accuracy.low, 100 * score.accuracy.high};
    Json row = {{"name", score.model.name}, {"method", series_of(score.model)}, {"experts", score.model.experts}};
    put_estimate(row, percent);
    rows.push_back(std::move(row));
    table.rows.push_back({score.model.name, estimate_text(percent), count_text(score.n), seeds_text(score.by_seed)});
    if (std::find(series.begin(), series.end(), series_of(score.model)) == series.end())
      series.push_back(series_of(score.model));
    if (std::find(counts.begin(), counts.end(), score.model.experts) == counts.end())
      counts.push_back(score.model.experts);
  }
  // Series stand beside each other at each count, since many have the same one.
  const Json x = with(ordinal("experts", "Experts a layer (0: dense)"), {{"axis", {{"labelAngle", 0}}}});
  const Json offset = {{"field", "method"}, {"sort", series}};
  const Json y = with(quantitative("value", "Accuracy, %"), {{"scale", {{"zero", false}}}});
  const Json color = by_method(series);
  const Json intervals = {{"mark", {{"type", "rule"}, {"strokeWidth", 1.5}}},
                          {"encoding",
                           {{"x", x},
                            {"xOffset", offset},
                            {"y", with(y, {{"field", "low"}})},
                            {"y2", {{"field", "high"}}},
                            {"color", color}}}};
  const Json points = {{"mark", {{"type", "point"}, {"filled", true}, {"size", 60}}},
                       {"encoding",
                        {{"x", x},
                         {"xOffset", offset},
                         {"y", y},
                         {"color", color},
                         {"shape", color},
                         {"tooltip", tooltip({{"name", "model"}, {"text", "accuracy, %"}})}}}};
  std::vector<Json> layers = {intervals, points};
  if (task.majority) {
    const std::vector<Json> level = level_lines({.value = 100 * *task.majority}, "commonest answer");
    layers.insert(layers.end(), level.begin(), level.end());
  }
  return {"Accuracy on " + task.name,
          "of " + counted(num_rows, "validation row") + ", with 95% intervals over rows and seeds.",
          {{"data", inline_data(rows)}, {"height", 300}, {"layer", layers}},
          table};
}

/// On how many tasks and models the accuracy is above that of the commonest answer, beyond chance.
std::string takeaway(const TrainedModels& trained) {
  std::int64_t above = 0;
  for (const TrainedScore& score : trained.scores) {
    for (const TrainedTask& task : trained.tasks) {
      above += task.name == score.task && task.majority && score.accuracy.low > *task.majority ? 1 : 0;
    }
  }
  return count_text(above) + " of " + counted(static_cast<std::int64_t>(trained.scores.size()), "score") +
         " lie above that of the commonest answer, interval and all.";
}

}  // namespace

std::optional<Section> trained_score_section(const Study& study) {
  if (!study.trained || study.trained->scores.empty()) return std::nullopt;
  std::vector<Figure> figures;
  for (const TrainedTask& task : study.trained->tasks) {
    const auto& scores = study.trained->scores;
    const bool any =
        std::any_of(scores.begin(), scores.end(), [&](const TrainedScore& score) { return score.task == task.name; });
    if (any) figures.push_back(figure_of(*study.trained, task));
  }
  return Section{.id = "accuracy",
                 .title = "Accuracy before and after pruning",
                 .takeaway = takeaway(*study.trained),
                 .body = figures_html(figures)};
}

}  // namespace uncurl::report
