// What each metric of a task lost or gained against the original, item by item.
#include "uncurl/report/figure.h"
#include "uncurl/report/section.h"
#include "uncurl/report/specs.h"

namespace uncurl::report {
namespace {

constexpr double kSignificant = 0.05;

std::string name_of(const ScoreChange& change) { return change.task + ", " + change.metric; }

Json spec(const std::vector<ScoreChange>& changes) {
  Json rows = Json::array();
  for (const ScoreChange& change : changes) {
    Json row = {{"name", name_of(change)}};
    put_estimate(row, change.difference);
    rows.push_back(std::move(row));
  }
  const Json x = quantitative("value", "Model minus original");
  const Json y = with(ordinal("name", ""), {{"sort", nullptr}, {"axis", {{"grid", true}}}});
  const Json zero = {{"mark", {{"type", "rule"}, {"style", "level"}}}, {"encoding", {{"x", {{"datum", 0}}}}}};
  const Json interval = {{"mark", {{"type", "rule"}, {"style", "interval"}}},
                         {"encoding", {{"x", with(x, {{"field", "low"}})}, {"x2", {{"field", "high"}}}, {"y", y}}}};
  const Json point = {
      {"mark", {{"type", "point"}, {"filled", true}, {"size", 70}}},
      {"encoding", {{"x", x}, {"y", y}, {"tooltip", tooltip({{"name", "metric"}, {"text", "change"}})}}}};
  return {{"data", inline_data(rows)},
          {"height", rows_height(changes.size(), 26)},
          {"layer", has_intervals(rows) ? Json::array({zero, interval, point}) : Json::array({zero, point})}};
}

std::string optional_count(const std::optional<std::int64_t>& count) { return count ? count_text(*count) : "–"; }

Table numbers_table(const std::vector<ScoreChange>& changes) {
  Table table{.head = {"Task", "Metric", "Items", "Original", "Model", "Change", "Lost", "Gained", "p (McNemar)"},
              .num_labels = 2};
  for (const ScoreChange& change : changes) {
    table.rows.push_back({change.task, change.metric, count_text(change.n), estimate_text(change.original),
                          estimate_text(change.model), estimate_text(change.difference),
                          optional_count(change.num_lost), optional_count(change.num_gained),
                          change.p ? number_text(*change.p) : "–"});
  }
  return table;
}

/// How many metrics changed by more than chance, where there is a test.
std::string takeaway(const std::vector<ScoreChange>& changes) {
  std::int64_t tested = 0, worse = 0, better = 0;
  for (const ScoreChange& change : changes) {
    if (!change.p) continue;
    ++tested;
    if (*change.p < kSignificant) ++(change.difference.value < 0 ? worse : better);
  }
  if (tested == 0) return "";
  return "Of " + counted(tested, "metric") + " with a test, " + count_text(worse) + " fell and " + count_text(better) +
         " rose by more than chance (exact McNemar, p below " + given_text(kSignificant) + ", each by itself).";
}

}  // namespace

std::optional<Section> change_section(const Study& study) {
  if (study.changes.empty()) return std::nullopt;
  return Section{.id = "changes",
                 .title = "Scores against the original",
                 .takeaway = takeaway(study.changes),
                 .body = figures_html({{"Change of each metric", "with 95% intervals, paired by item.",
                                        spec(study.changes), numbers_table(study.changes)}})};
}

}  // namespace uncurl::report
