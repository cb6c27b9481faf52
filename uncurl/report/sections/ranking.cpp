// The methods' ranking: at each count of experts what every method loses, least first, with its interval.
#include <algorithm>

#include "uncurl/report/figure.h"
#include "uncurl/report/measures.h"
#include "uncurl/report/section.h"
#include "uncurl/report/specs.h"

namespace uncurl::report {
namespace {

Json spec(const Study& study, const std::vector<const Point*>& points, const std::string& task) {
  Json rows = Json::array();
  std::vector<double> values;
  for (const Point* const point : points) {
    Json row = {{"method", point->method}};
    put_estimate(row, *lost(*point, task));
    put_ends(values, *lost(*point, task));
    rows.push_back(std::move(row));
  }
  const Json x = with(quantitative("value", lost_name(study) + ", nats a token"), loss_axis(values));
  const Json y = with(ordinal("method", ""), {{"sort", nullptr}, {"axis", {{"grid", true}}}});
  const Json interval = {{"mark", {{"type", "rule"}, {"style", "interval"}}},
                         {"encoding", {{"x", with(x, {{"field", "low"}})}, {"x2", {{"field", "high"}}}, {"y", y}}}};
  const Json point = {
      {"mark", {{"type", "point"}, {"filled", true}, {"size", 70}}},
      {"encoding", {{"x", x}, {"y", y}, {"tooltip", tooltip({{"method", "method"}, {"text", "lost"}})}}}};
  return {{"data", inline_data(rows)},
          {"height", rows_height(points.size(), 22)},
          {"layer", has_intervals(rows) ? Json::array({interval, point}) : Json::array({point})}};
}

std::string agreement_text(const Point& point, const std::string& task) {
  const auto& agreement = find_result(point.results, task)->agreement;
  return agreement ? percent_text(agreement->value) : "–";
}

bool are_paired(const std::vector<const Point*>& points) {
  return std::any_of(points.begin(), points.end(), [](const Point* point) { return point->kl_beyond_least; });
}

Table numbers_table(const Study& study, const std::vector<const Point*>& points, const std::string& task) {
  const bool paired = are_paired(points);
  Table table{.head = {"Method", lost_name(study), "Perplexity", "Same top token"}};
  if (paired) table.head.push_back("More than the least, paired by row");
  for (const Point* const point : points) {
    const auto& perplexity = find_result(point->results, task)->perplexity;
    table.rows.push_back({point->method, estimate_text(*lost(*point, task)),
                          perplexity ? estimate_text(*perplexity) : "–", agreement_text(*point, task)});
    if (paired) table.rows.back().push_back(point->kl_beyond_least ? estimate_text(*point->kl_beyond_least) : "–");
  }
  return table;
}

/// " on math" where the numbers are those of one task of several.
std::string on_which(const Study& study, const std::string& task) {
  return task == "all" || result_tasks(study).size() == 1 ? "" : " on " + task;
}

/// Who cannot be told apart from the best on the same rows.
std::string close_by_pairs(const std::vector<const Point*>& points) {
  const std::int64_t close = std::count_if(points.begin(), points.end(), [](const Point* point) {
    return point->kl_beyond_least && point->kl_beyond_least->has_interval() && point->kl_beyond_least->low <= 0;
  });
  if (close == 0) return "";
  return "; paired by row, " + counted(close, "other method") + " cannot be told apart from it";
}

/// "reap loses least at 16 experts: 0.12 (0.10–0.14) nats", and who cannot be told apart from it.
std::string takeaway(const Study& study, std::int64_t count, const std::string& task) {
  const std::vector<const Point*> points = ranked(study, count, task);
  const Estimate best = *lost(*points[0], task);
  if (points.size() == 1) {
    return points[0]->method + " loses " + estimate_text(best) + " nats a token" + on_which(study, task) + " at " +
           counted(count, "expert") + ".";
  }
  std::string text = points[0]->method + " loses least at " + counted(count, "expert") + ": " + estimate_text(best) +
                     " nats a token" + on_which(study, task);
  if (are_paired(points)) return text + close_by_pairs(points) + ".";
  std::int64_t close = 0;
  for (std::size_t i = 1; i < points.size(); ++i) close += overlap(best, *lost(*points[i], task)) ? 1 : 0;
  if (close == 1) text += "; the interval of one other method overlaps with its own";
  if (close > 1) text += "; the intervals of " + counted(close, "other method") + " overlap with its own";
  return text + ".";
}

/// Half the experts, or the count next to it: where the methods differ and are still of use.
std::int64_t middle_count(const Study& study) {
  const std::vector<std::int64_t> all = counts(study);
  const std::int64_t half = study.model.num_experts.value_or(2 * all.front()) / 2;
  return *std::min_element(all.begin(), all.end(),
                           [&](std::int64_t a, std::int64_t b) { return std::abs(a - half) < std::abs(b - half); });
}

}  // namespace

std::optional<Section> ranking_section(const Study& study) {
  const std::string task = main_task(study);
  std::vector<Figure> figures;
  for (const std::int64_t count : counts(study)) {
    const std::vector<const Point*> points = ranked(study, count, task);
    if (points.empty()) continue;
    figures.push_back({std::to_string(count) + " experts", "on " + task_words(task) + ", with 95% intervals.",
                       spec(study, points, task), numbers_table(study, points, task)});
  }
  if (figures.empty()) return std::nullopt;
  const std::int64_t middle = middle_count(study);
  Section section{.id = "ranking", .title = "The methods in order"};
  if (!ranked(study, middle, task).empty()) section.takeaway = takeaway(study, middle, task);
  section.body = figures_html(figures);
  return section;
}

}  // namespace uncurl::report
