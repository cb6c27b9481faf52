// What the tasks themselves ask for (accuracy and its like) against the number of experts.
#include "uncurl/report/figure.h"
#include "uncurl/report/measures.h"
#include "uncurl/report/section.h"
#include "uncurl/report/specs.h"

namespace uncurl::report {
namespace {

struct ScoredPoint {
  std::string method;
  std::int64_t experts;
  Score score;
};

std::vector<ScoredPoint> scored_points(const Study& study, const std::string& task) {
  std::vector<ScoredPoint> points;
  for (const Point& point : study.points) {
    const TaskResult* const result = find_result(point.results, task);
    if (result != nullptr && result->score) points.push_back({point.method, point.experts, *result->score});
  }
  return points;
}

const Score* original_score(const Study& study, const std::string& task) {
  const TaskResult* const result = find_result(study.original, task);
  return result != nullptr && result->score ? &*result->score : nullptr;
}

Json spec(const Study& study, const std::vector<ScoredPoint>& points, const Score* original) {
  Json rows = Json::array();
  for (const ScoredPoint& point : points) {
    Json row = {{"method", point.method}, {"experts", point.experts}, {"n", point.score.n}};
    put_estimate(row, point.score.value);
    rows.push_back(std::move(row));
  }
  const Json x = experts_axis(counts(study));
  const Json y = with(quantitative("value", points.front().score.metric), {{"scale", {{"zero", false}}}});
  std::vector<Json> layers = method_lines(
      rows, x, y, by_method(methods_in_order(study)),
      tooltip({{"method", "method"}, {"experts", "experts"}, {"text", points.front().score.metric}, {"n", "items"}}));
  if (original != nullptr) {
    const std::vector<Json> level = level_lines(original->value, "original");
    layers.insert(layers.end(), level.begin(), level.end());
  }
  return {{"data", inline_data(rows)}, {"height", 300}, {"layer", layers}};
}

Table numbers_table(const std::vector<ScoredPoint>& points, const Score* original) {
  Table table{.head = {"Method", "Experts", points.front().score.metric, "Items"}};
  if (original != nullptr) {
    table.rows.push_back({"original", "all", estimate_text(original->value), count_text(original->n)});
  }
  for (const ScoredPoint& point : points) {
    table.rows.push_back(
        {point.method, count_text(point.experts), estimate_text(point.score.value), count_text(point.score.n)});
  }
  return table;
}

/// How many points keep the original's score, as far as the intervals can tell.
std::string takeaway(const Study& study, const std::vector<std::string>& tasks) {
  std::int64_t total = 0, kept = 0;
  for (const std::string& task : tasks) {
    const Score* const original = original_score(study, task);
    if (original == nullptr) continue;
    for (const ScoredPoint& point : scored_points(study, task)) {
      ++total;
      kept += point.score.value.has_interval() && point.score.value.high < original->value.value ? 0 : 1;
    }
  }
  if (total == 0) return "";
  return "In " + count_text(kept) + " of " + count_text(total) +
         " cases the original's score lies within reach of the smaller model's interval.";
}

}  // namespace

std::optional<Section> score_section(const Study& study) {
  std::vector<Figure> figures;
  std::vector<std::string> tasks;
  for (const std::string& task : result_tasks(study)) {
    const std::vector<ScoredPoint> points = scored_points(study, task);
    if (points.empty()) continue;
    const Score* const original = original_score(study, task);
    tasks.push_back(task);
    figures.push_back({points.front().score.metric + " on " + task_words(task),
                       "over " + counted(points.front().score.n, "item") + ", with 95% intervals.",
                       spec(study, points, original), numbers_table(points, original)});
  }
  if (figures.empty()) return std::nullopt;
  return Section{
      .id = "scores", .title = "Task scores", .takeaway = takeaway(study, tasks), .body = figures_html(figures)};
}

}  // namespace uncurl::report
