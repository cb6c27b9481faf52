// Where the time went.
#include <numeric>

#include <algorithm>

#include "uncurl/report/figure.h"
#include "uncurl/report/section.h"
#include "uncurl/report/specs.h"

namespace uncurl::report {
namespace {

std::string stage_words(std::string stage) {
  std::replace(stage.begin(), stage.end(), '_', ' ');
  return stage;
}

/// Stages with their seconds: those of the file, else what each point took.
std::vector<std::pair<std::string, double>> stages(const Study& study) {
  if (!study.timings.empty()) return study.timings;
  std::vector<std::pair<std::string, double>> result;
  for (const Point& point : study.points) {
    if (point.seconds) result.emplace_back(point.method + ", " + counted(point.experts, "expert"), *point.seconds);
  }
  return result;
}

}  // namespace

std::optional<Section> timing_section(const Study& study) {
  const std::vector<std::pair<std::string, double>> times = stages(study);
  if (times.empty()) return std::nullopt;
  Json rows = Json::array();
  Table table{.head = {"Stage", "Time"}};
  double total = 0;
  const std::pair<std::string, double>* longest = &times.front();
  for (const auto& time : times) {
    const std::string stage = stage_words(time.first);
    const double seconds = time.second;
    rows.push_back({{"stage", stage}, {"seconds", rounded(seconds)}, {"text", seconds_text(seconds)}});
    table.rows.push_back({stage, seconds_text(seconds)});
    total += seconds;
    if (seconds > longest->second) longest = &time;
  }
  const Json y = with(ordinal("stage", ""), {{"sort", nullptr}});
  const Json spec = {{"data", inline_data(rows)},
                     {"height", rows_height(times.size(), 26)},
                     {"mark", {{"type", "bar"}, {"height", {{"band", 0.7}}}}},
                     {"encoding",
                      {{"x", with(quantitative("seconds", "Seconds"), {{"axis", {{"tickCount", 6}}}})},
                       {"y", y},
                       {"tooltip", tooltip({{"stage", "stage"}, {"text", "time"}})}}}};
  Section section{.id = "timings", .title = "Where the time went"};
  section.takeaway = seconds_text(total) + " in all";
  if (times.size() > 1) {
    section.takeaway += ", " + percent_text(longest->second / total) + " of it for " + stage_words(longest->first);
  }
  section.takeaway += ".";
  section.body = figures_html({{"Time by stage", "", spec, table}});
  return section;
}

}  // namespace uncurl::report
