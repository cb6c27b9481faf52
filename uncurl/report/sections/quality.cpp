// Quality against the number of experts: a line for each method with its intervals, a ring where the threshold lies.
#include <algorithm>

#include "uncurl/report/figure.h"
#include "uncurl/report/measures.h"
#include "uncurl/report/section.h"
#include "uncurl/report/specs.h"

namespace uncurl::report {
namespace {

/// A figure shows one measure of one task.
struct View {
  std::string task;
  std::optional<Estimate> TaskResult::*measure;
  std::string name;  ///< of the measure, with its unit
};

std::optional<Estimate> shown(const Point& point, const View& view) {
  const TaskResult* const result = find_result(point.results, view.task);
  return result == nullptr ? std::nullopt : result->*view.measure;
}

const MethodThreshold* find_threshold(const Study& study, const std::string& method) {
  if (!study.threshold) return nullptr;
  for (const MethodThreshold& entry : study.threshold->methods) {
    if (entry.method == method) return &entry;
  }
  return nullptr;
}

bool is_threshold(const Study& study, const Point& point) {
  const MethodThreshold* const entry = find_threshold(study, point.method);
  return entry != nullptr && entry->experts == point.experts;
}

Json data_rows(const Study& study, const View& view) {
  Json rows = Json::array();
  for (const Point& point : study.points) {
    const std::optional<Estimate> value = shown(point, view);
    if (!value) continue;
    Json row = {{"method", point.method}, {"experts", point.experts}};
    put_estimate(row, *value);
    row["threshold"] = is_threshold(study, point);
    rows.push_back(std::move(row));
  }
  return rows;
}

Json threshold_rings(const Json& x, const Json& y, const Json& color) {
  return {{"transform", Json::array({{{"filter", "datum.threshold"}}})},
          {"mark", {{"type", "point"}, {"shape", "circle"}, {"filled", false}, {"size", 260}, {"strokeWidth", 2}}},
          {"encoding", {{"x", x}, {"y", y}, {"color", color}}}};
}

/// What the figure shows, with the ends of the intervals.
std::vector<double> values(const Study& study, const View& view) {
  std::vector<double> result;
  for (const Point& point : study.points) {
    if (const std::optional<Estimate> value = shown(point, view)) put_ends(result, *value);
  }
  return result;
}

/// The loss has a linear axis that begins near the original's: its differences count, not its ratios.
Json y_axis(const Study& study, const View& view) {
  const Json y = quantitative("value", view.name);
  if (view.measure == &TaskResult::kl) return with(y, loss_axis(values(study, view)));
  return with(y, {{"scale", {{"zero", false}}}, {"axis", {{"tickCount", 6}}}});
}

/// Where the loss has risen by the tolerance: a dotted line, named by its tooltip, since the original's lies close.
Json tolerance_level(const Estimate& original, double tolerance) {
  const Json row = {{"value", rounded(original.value + tolerance)},
                    {"text", given_text(tolerance) + " above the original"}};
  return {{"data", inline_data(Json::array({row}))},
          {"mark", {{"type", "rule"}, {"style", "tolerance"}}},
          {"encoding",
           {{"y", {{"field", "value"}, {"type", "quantitative"}}}, {"tooltip", tooltip({{"text", "tolerance"}})}}}};
}

bool is_threshold_view(const Study& study, const View& view) {
  return study.threshold && study.threshold->measure == "loss" && view.task == main_task(study);
}

Json spec(const Study& study, const View& view, bool has_legend) {
  const Json color = by_method(methods_in_order(study), has_legend);
  const Json rows = data_rows(study, view);
  const Json x = experts_axis(counts(study));
  const Json y = y_axis(study, view);
  std::vector<Json> layers =
      method_lines(rows, x, y, color, tooltip({{"method", "method"}, {"experts", "experts"}, {"text", view.name}}));
  if (study.threshold) layers.push_back(threshold_rings(x, y, color));
  const TaskResult* const original = find_result(study.original, view.task);
  if (view.measure == &TaskResult::loss && original != nullptr && original->loss) {
    const std::vector<Json> level = level_lines(*original->loss, "original");
    layers.insert(layers.end(), level.begin(), level.end());
    if (is_threshold_view(study, view)) layers.push_back(tolerance_level(*original->loss, study.threshold->tolerance));
  }
  return {{"data", inline_data(rows)}, {"height", 340}, {"layer", layers}};
}

/// A line a method, a column a count.
Table numbers_table(const Study& study, const View& view) {
  Table table{.head = {"Method"}};
  for (const std::int64_t count : counts(study)) table.head.push_back(std::to_string(count) + " experts");
  for (const std::string& method : methods_in_order(study)) {
    std::vector<std::string> row = {method};
    for (const std::int64_t count : counts(study)) {
      std::string text = "–";
      for (const Point& point : study.points) {
        if (point.method != method || point.experts != count || !shown(point, view)) continue;
        text = estimate_text(*shown(point, view)) + (is_threshold(study, point) ? " ○" : "");
      }
      row.push_back(text);
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string caption(const Study& study) {
  std::string text = "with 95% intervals.";
  if (study.threshold) {
    text += " A ring marks the fewest experts whose " + study.threshold->measure + " stays within " +
            given_text(study.threshold->tolerance) + " nats a token of the original's.";
  }
  if (methods_in_order(study).size() > 1) text += " Press a name or a point to bring its line forward.";
  return text;
}

Table threshold_table(const Threshold& threshold) {
  Table table{.head = {"Method", "Fewest experts", "95% interval"}};
  std::vector<MethodThreshold> methods = threshold.methods;
  std::stable_sort(methods.begin(), methods.end(), [](const MethodThreshold& a, const MethodThreshold& b) {
    return a.experts.value_or(INT64_MAX) < b.experts.value_or(INT64_MAX);
  });
  for (const MethodThreshold& entry : methods) {
    const bool interval = entry.experts && entry.low && entry.high;
    table.rows.push_back({entry.method, entry.experts ? count_text(*entry.experts) : "none",
                          interval ? count_text(*entry.low) + "–" + count_text(*entry.high) : "–"});
  }
  return table;
}

/// The methods that need the fewest experts, and how sure that is where it is one.
std::string threshold_takeaway(const Threshold& threshold) {
  std::vector<const MethodThreshold*> best;
  for (const MethodThreshold& entry : threshold.methods) {
    if (!entry.experts) continue;
    if (!best.empty() && *entry.experts < *best.front()->experts) best.clear();
    if (best.empty() || *entry.experts == *best.front()->experts) best.push_back(&entry);
  }
  const std::string within =
      " within " + given_text(threshold.tolerance) + " nats of the original's " + threshold.measure;
  if (best.empty()) return "No method stays" + within + " at any count that was tried.";
  const MethodThreshold& first = *best.front();
  const std::string down_to = " down to " + counted(*first.experts, "expert");
  if (best.size() > 1) {
    return count_text(static_cast<std::int64_t>(best.size())) + " of " +
           counted(static_cast<std::int64_t>(threshold.methods.size()), "method") + " stay" + within + down_to +
           ", none with fewer.";
  }
  const bool is_sure = !first.low || !first.high || *first.low == *first.high;
  return first.method + " stays" + within + down_to +
         (is_sure ? "" : " (" + count_text(*first.low) + "–" + count_text(*first.high) + ")") + ".";
}

/// What the threshold tells, or the best at the fewest experts where no threshold was asked for.
std::string takeaway(const Study& study) {
  if (study.threshold && !study.threshold->methods.empty()) return threshold_takeaway(*study.threshold);
  const std::string task = main_task(study);
  const std::int64_t fewest = counts(study).back();
  const std::vector<const Point*> points = ranked(study, fewest, task);
  if (points.empty()) return "";
  return points.front()->method + " loses least at " + counted(fewest, "expert") + ": " +
         estimate_text(*lost(*points.front(), task)) + " nats.";
}

/// The first figure explains itself and has the legend for all.
void add_figure(std::vector<Figure>& figures, const Study& study, const View& view) {
  if (values(study, view).empty()) return;
  const bool is_first = figures.empty();
  figures.push_back({view.name + ", on " + task_words(view.task), is_first ? caption(study) : "Colours as above.",
                     spec(study, view, is_first), numbers_table(study, view)});
}

}  // namespace

std::optional<Section> quality_section(const Study& study) {
  if (counts(study).size() < 2) return std::nullopt;  // no line: the ranking shows it all
  std::vector<Figure> figures;
  const std::string main = main_task(study);
  add_figure(figures, study, {main, &TaskResult::kl, "KL to the original, nats a token"});
  add_figure(figures, study, {main, &TaskResult::loss, "Loss, nats a token"});
  for (const std::string& task : result_tasks(study)) {
    if (task != main) add_figure(figures, study, {task, &TaskResult::kl, "KL to the original, nats a token"});
  }
  if (figures.empty()) return std::nullopt;
  Section section{.id = "quality", .title = "Quality against experts", .takeaway = takeaway(study)};
  section.body += figures_html({figures.front()});
  if (figures.size() > 1) section.body += figures_html({figures.begin() + 1, figures.end()});
  if (study.threshold && !study.threshold->methods.empty()) {
    section.body += element("h4", {"The fewest experts within the tolerance"});
    section.body += table_html(threshold_table(*study.threshold));
  }
  return section;
}

}  // namespace uncurl::report
