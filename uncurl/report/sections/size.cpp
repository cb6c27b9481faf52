// What a smaller model costs and saves: its size and predicted speed beside what it loses, and the Pareto front.
#include <algorithm>

#include "uncurl/report/figure.h"
#include "uncurl/report/measures.h"
#include "uncurl/report/section.h"
#include "uncurl/report/specs.h"

namespace uncurl::report {
namespace {

bool on_front(const Study& study, std::size_t index) {
  return std::find(study.pareto.begin(), study.pareto.end(), index) != study.pareto.end();
}

bool differ_in_size(const Study& study) {
  return std::any_of(study.points.begin(), study.points.end(), [&](const Point& point) {
    return point.parameters && point.parameters != study.points.front().parameters;
  });
}

Json data_rows(const Study& study, const std::string& task) {
  Json rows = Json::array();
  for (std::size_t i = 0; i < study.points.size(); ++i) {
    const Point& point = study.points[i];
    if (!point.parameters || !lost(point, task)) continue;
    Json row = {{"method", point.method},
                {"experts", point.experts},
                {"parameters", *point.parameters},
                {"size", count_text(*point.parameters)},
                {"front", on_front(study, i)}};
    put_estimate(row, *lost(point, task));
    rows.push_back(std::move(row));
  }
  return rows;
}

Json spec(const Study& study, const std::string& task) {
  const std::string measure = lost_name(study) + ", nats a token";
  const std::vector<std::string> methods = methods_in_order(study);
  const Json x = with(quantitative("parameters", "Parameters"),
                      {{"scale", {{"zero", false}}}, {"axis", {{"format", "~s"}, {"tickCount", 5}}}});
  std::vector<double> values;
  for (const Point& point : study.points) {
    if (const std::optional<Estimate> value = lost(point, task)) values.push_back(value->value);
  }
  const Json y = with(quantitative("value", measure), loss_axis(values));
  const Json front = {{"transform", Json::array({{{"filter", "datum.front"}}})},
                      {"mark", {{"type", "line"}, {"style", "front"}, {"interpolate", "step-after"}}},
                      {"encoding", {{"x", x}, {"y", y}}}};
  std::vector<Json> layers;
  if (!study.pareto.empty()) layers.push_back(front);
  layers.push_back(
      {{"mark", {{"type", "point"}, {"filled", true}, {"size", 60}}},
       {"encoding",
        {{"x", x},
         {"y", y},
         {"color", by_method(methods)},
         {"shape", by_method(methods)},
         {"tooltip",
          tooltip({{"method", "method"}, {"experts", "experts"}, {"size", "parameters"}, {"text", measure}})}}}});
  return {{"data", inline_data(data_rows(study, task))}, {"height", 320}, {"layer", layers}};
}

Table front_table(const Study& study, const std::string& task) {
  Table table{.head = {"Method", "Experts", "Parameters", "Of all", "Weights", "Predicted speed", lost_name(study)}};
  for (std::size_t i = 0; i < study.points.size(); ++i) {
    const Point& point = study.points[i];
    if (!point.parameters || !lost(point, task)) continue;
    const auto& whole = study.model.parameters;
    const double share = whole ? static_cast<double>(*point.parameters) / static_cast<double>(*whole) : 0;
    table.rows.push_back({point.method + (on_front(study, i) ? " ●" : ""),
                          count_text(point.experts) + (point.mixed ? " at most" : ""), count_text(*point.parameters),
                          whole ? percent_text(share) : "–",
                          point.bytes ? bytes_text(static_cast<double>(*point.bytes)) : "–",
                          point.predicted_speed ? number_text(*point.predicted_speed, 2) + "×" : "–",
                          estimate_text(*lost(point, task))});
  }
  return table;
}

/// What the smallest model keeps, where nobody looked for the best choices.
std::string smallest_text(const Study& study) {
  const auto smallest = std::min_element(study.points.begin(), study.points.end(), [](const Point& a, const Point& b) {
    return a.parameters.value_or(INT64_MAX) < b.parameters.value_or(INT64_MAX);
  });
  if (!smallest->parameters || !study.model.parameters) return "";
  const double share = static_cast<double>(*smallest->parameters) / static_cast<double>(*study.model.parameters);
  return "The smallest model, with " + counted(smallest->experts, "expert") + " a layer, has " + percent_text(share) +
         " of the original's parameters.";
}

std::string takeaway(const Study& study) {
  if (study.pareto.empty()) return smallest_text(study);
  std::vector<std::string> methods;
  for (const std::size_t index : study.pareto) {
    const std::string& method = study.points[index].method;
    if (std::find(methods.begin(), methods.end(), method) == methods.end()) methods.push_back(method);
  }
  if (methods.size() == 1) return "At every size " + methods.front() + " loses least.";
  std::string names;
  for (std::size_t i = 0; i < methods.size(); ++i) {
    names += (i == 0 ? "" : i + 1 == methods.size() ? " and " : ", ") + methods[i];
  }
  return "The best choices at some size come from " + names + ".";
}

}  // namespace

std::optional<Section> size_section(const Study& study) {
  const std::string task = main_task(study);
  Figure figure{"Size and loss",
                "on " + task_words(task) +
                    (study.pareto.empty() ? "."
                                          : ". The line joins the points that no other beats in both (Pareto "
                                            "front); the table marks them ●."),
                spec(study, task), front_table(study, task)};
  if (!differ_in_size(study)) return std::nullopt;
  return Section{
      .id = "size", .title = "Size against loss", .takeaway = takeaway(study), .body = figures_html({figure})};
}

}  // namespace uncurl::report
