// Pruned for one task, scored on another: what generalises, and how far the tasks use the same experts.
#include <algorithm>

#include "uncurl/report/figure.h"
#include "uncurl/report/section.h"
#include "uncurl/report/specs.h"

namespace uncurl::report {
namespace {

/// Where viridis turns from dark to light.
double dark_below(const Json& rows) {
  double low = 1e300, high = -1e300;
  for (const Json& row : rows) {
    low = std::min(low, row["value"].get<double>());
    high = std::max(high, row["value"].get<double>());
  }
  return low + (high - low) * 0.6;
}

/// Cells with their numbers written in, dark on light and light on dark.
Json matrix_spec(const Json& rows, std::size_t num_tasks, const std::string& x_title, const std::string& y_title) {
  const Json x =
      with(ordinal("column", x_title), {{"sort", nullptr}, {"axis", {{"labelAngle", 0}, {"orient", "top"}}}});
  const Json y = with(ordinal("row", y_title), {{"sort", nullptr}});
  const Json cells = {{"mark", "rect"},
                      {"encoding",
                       {{"color", with(heat("value", "", ".2~f"), {{"legend", nullptr}})},
                        {"tooltip", tooltip({{"row", y_title}, {"column", x_title}, {"text", "value"}})}}}};
  const Json light = {{"test", "datum.value < " + json_text(rounded(dark_below(rows)))}, {"value", "white"}};
  const Json words = {
      {"mark", {{"type", "text"}, {"fontSize", 13}}},
      {"encoding", {{"text", {{"field", "short"}}}, {"color", {{"condition", light}, {"value", "black"}}}}}};
  return {{"data", inline_data(rows)},
          {"height", rows_height(num_tasks, 56)},
          {"encoding", {{"x", x}, {"y", y}}},
          {"layer", {cells, words}}};
}

Figure kl_figure(const CrossTask& cross) {
  Json rows = Json::array();
  Table table{.head = {"Observed on"}};
  for (std::size_t a = 0; a < cross.tasks.size(); ++a) {
    table.head.push_back("scored on " + cross.tasks[a]);
    std::vector<std::string> line = {cross.tasks[a]};
    for (std::size_t b = 0; b < cross.tasks.size(); ++b) {
      Json row = {{"row", cross.tasks[a]}, {"column", cross.tasks[b]}, {"short", number_text(cross.kl[a][b].value)}};
      put_estimate(row, cross.kl[a][b]);
      rows.push_back(std::move(row));
      line.push_back(estimate_text(cross.kl[a][b]));
    }
    table.rows.push_back(std::move(line));
  }
  return {"KL to the original",
          "nats a token, by " + cross.method + " at " + counted(cross.experts, "expert") + "; less is better.",
          matrix_spec(rows, cross.tasks.size(), "Scored on", "Observed on"), table};
}

Figure overlap_figure(const CrossTask& cross) {
  Json rows = Json::array();
  Table table{.head = {"Task"}};
  for (std::size_t a = 0; a < cross.tasks.size(); ++a) {
    table.head.push_back(cross.tasks[a]);
    std::vector<std::string> line = {cross.tasks[a]};
    for (std::size_t b = 0; b < cross.tasks.size(); ++b) {
      const std::string text = percent_text(cross.overlap[a][b]);
      rows.push_back({{"row", cross.tasks[a]},
                      {"column", cross.tasks[b]},
                      {"value", rounded(cross.overlap[a][b])},
                      {"short", text},
                      {"text", text}});
      line.push_back(text);
    }
    table.rows.push_back(std::move(line));
  }
  return {"Experts in common", "share of the experts used on both tasks.",
          matrix_spec(rows, cross.tasks.size(), "Used on", "And on"), table};
}

/// The pair that loses most beside what the scored task's own observation gives.
std::string takeaway(const CrossTask& cross) {
  std::size_t from = 0, to = 0;
  double worst = 0;
  for (std::size_t a = 0; a < cross.tasks.size(); ++a) {
    for (std::size_t b = 0; b < cross.tasks.size(); ++b) {
      if (a == b || cross.kl[b][b].value <= 0) continue;
      const double ratio = cross.kl[a][b].value / cross.kl[b][b].value;
      if (ratio > worst) {
        worst = ratio;
        from = a;
        to = b;
      }
    }
  }
  if (worst == 0) return "";
  return "A model pruned for " + cross.tasks[from] + " loses " + number_text(worst, 1) + " times as much on " +
         cross.tasks[to] + " as one pruned for " + cross.tasks[to] + " itself (" +
         number_text(cross.kl[from][to].value) + " against " + number_text(cross.kl[to][to].value) + " nats).";
}

}  // namespace

std::optional<Section> cross_task_section(const Study& study) {
  if (!study.cross_task || study.cross_task->tasks.empty()) return std::nullopt;
  const CrossTask& cross = *study.cross_task;
  std::vector<Figure> figures = {kl_figure(cross)};
  if (!cross.overlap.empty()) figures.push_back(overlap_figure(cross));
  return Section{
      .id = "cross-task", .title = "Across tasks", .takeaway = takeaway(cross), .body = figures_html(figures)};
}

}  // namespace uncurl::report
