// Does the error predicted from sampled inputs rank plans as the measured loss does?
#include <algorithm>

#include "uncurl/report/figure.h"
#include "uncurl/report/measures.h"
#include "uncurl/report/section.h"
#include "uncurl/report/specs.h"

namespace uncurl::report {
namespace {

std::vector<const Point*> predicted(const Study& study, const std::string& task) {
  std::vector<const Point*> points;
  for (const Point& point : study.points) {
    if (point.predicted_error && lost(point, task)) points.push_back(&point);
  }
  return points;
}

Json spec(const Study& study, const std::vector<const Point*>& points, const std::string& task) {
  Json rows = Json::array();
  std::vector<double> errors, losses;
  for (const Point* const point : points) {
    Json row = {{"method", point->method},
                {"experts", point->experts},
                {"predicted", rounded(*point->predicted_error)},
                {"error", number_text(*point->predicted_error)}};
    put_estimate(row, *lost(*point, task));
    errors.push_back(*point->predicted_error);
    losses.push_back(lost(*point, task)->value);
    rows.push_back(std::move(row));
  }
  const std::vector<std::string> methods = methods_in_order(study);
  return {
      {"data", inline_data(rows)},
      {"height", 320},
      {"mark", {{"type", "point"}, {"filled", true}, {"size", 60}}},
      {"encoding",
       {{"x", with(quantitative("predicted", "Predicted error of the layers"), loss_axis(errors))},
        {"y", with(quantitative("value", "Measured " + lost_name(study) + ", nats"), loss_axis(losses))},
        {"color", by_method(methods)},
        {"shape", by_method(methods)},
        {"tooltip",
         tooltip(
             {{"method", "method"}, {"experts", "experts"}, {"error", "predicted error"}, {"text", "measured"}})}}}};
}

Table numbers_table(const Study& study, std::vector<const Point*> points, const std::string& task) {
  Table table{.head = {"Method", "Experts", "Predicted error", lost_name(study)}};
  std::stable_sort(points.begin(), points.end(),
                   [](const Point* a, const Point* b) { return *a->predicted_error < *b->predicted_error; });
  for (const Point* const point : points) {
    table.rows.push_back({point->method, count_text(point->experts), number_text(*point->predicted_error),
                          estimate_text(*lost(*point, task))});
  }
  return table;
}

/// The easy part of a prediction is that fewer experts lose more; among plans of one count it has to know the methods.
Table by_count_table(const Prediction& prediction) {
  Table table{.head = {"Among plans with", "Plans", "Spearman"}};
  for (const auto& [count, correlation] : prediction.by_count) {
    table.rows.push_back(
        {counted(count, "expert"), count_text(correlation.num_pairs), estimate_text(correlation.spearman)});
  }
  return table;
}

}  // namespace

std::optional<Section> prediction_section(const Study& study) {
  const std::string task = main_task(study);
  const std::vector<const Point*> points = predicted(study, task);
  if (points.size() < 2) return std::nullopt;
  Section section{.id = "prediction", .title = "Prediction and measurement"};
  if (study.prediction) {
    section.takeaway = "Ranks of predicted error and measured loss correlate with " +
                       estimate_text(study.prediction->all.spearman) + " (Spearman) over " +
                       counted(study.prediction->all.num_pairs, "plan") + "; 1 would be the same order.";
  }
  section.body =
      figures_html({{"Predicted and measured", "A point is a method at a count, on " + task_words(task) + ".",
                     spec(study, points, task), numbers_table(study, points, task)}});
  if (study.prediction && !study.prediction->by_count.empty())
    section.body += table_html(by_count_table(*study.prediction));
  return section;
}

}  // namespace uncurl::report
