// Differences of models on the same rows: the paper's question, and what such a study could have seen.
#include <algorithm>

#include "uncurl/report/figure.h"
#include "uncurl/report/section.h"
#include "uncurl/report/specs.h"

namespace uncurl::report {
namespace {

struct Comparison {
  const char *against, *title, *caption;
};

constexpr Comparison kComparisons[] = {
    {"scratch", "Pruned, against as many experts from scratch", "Above 0: pretraining with more experts paid off."},
    {"unpruned", "Pruned, against the model before pruning",
     "Below 0: what pruning cost, the training after it included."},
    {"dense", "More experts, against the dense model", "Both trained from scratch."}};

std::vector<const ScoreDifference*> differences_of(const TrainedModels& trained, const std::string& against) {
  std::vector<const ScoreDifference*> found;
  for (const ScoreDifference& difference : trained.differences) {
    if (difference.against == against) found.push_back(&difference);
  }
  return found;
}

Figure figure_of(const Comparison& comparison, const std::vector<const ScoreDifference*>& differences) {
  Json rows = Json::array();
  Table table{.head = {"Model", "Against", "Task", "Difference, points", "Detectable", "Seeds needed"},
              .num_labels = 3};
  std::vector<std::string> names;
  for (const ScoreDifference* const difference : differences) {
    const Estimate& share = difference->difference;
    const Estimate points{100 * share.value, 100 * share.low, 100 * share.high};
    Json row = {{"name", difference->model.name}, {"other", difference->other}, {"method", difference->task}};
    put_estimate(row, points);
    rows.push_back(std::move(row));
    table.rows.push_back({difference->model.name, difference->other, difference->task, estimate_text(points),
                          difference->detectable ? number_text(100 * *difference->detectable, 1) : "-",
                          difference->seeds_needed ? count_text(*difference->seeds_needed)
                          : difference->detectable ? "too few rows"
                                                   : "-"});
    if (std::find(names.begin(), names.end(), difference->model.name) == names.end())
      names.push_back(difference->model.name);
  }
  std::vector<std::string> tasks;
  for (const ScoreDifference* const difference : differences) {
    if (std::find(tasks.begin(), tasks.end(), difference->task) == tasks.end()) tasks.push_back(difference->task);
  }
  const Json y = with(ordinal("name", ""), {{"sort", names}, {"axis", {{"labelLimit", 260}}}});
  const Json offset = {{"field", "method"}, {"sort", tasks}};
  const Json x = quantitative("value", "Difference of accuracy, points");
  const Json color = by_method(tasks);
  const Json zero = {{"data", inline_data(Json::array({{{"value", 0}}}))},
                     {"mark", {{"type", "rule"}, {"style", "level"}}},
                     {"encoding", {{"x", {{"field", "value"}, {"type", "quantitative"}}}}}};
  const Json intervals = {{"mark", {{"type", "rule"}, {"strokeWidth", 2}}},
                          {"encoding",
                           {{"y", y},
                            {"yOffset", offset},
                            {"x", with(x, {{"field", "low"}})},
                            {"x2", {{"field", "high"}}},
                            {"color", color}}}};
  const Json points = {
      {"mark", {{"type", "point"}, {"filled", true}, {"size", 60}}},
      {"encoding",
       {{"y", y},
        {"yOffset", offset},
        {"x", x},
        {"color", color},
        {"shape", color},
        {"tooltip", tooltip({{"name", "model"}, {"other", "against"}, {"method", "task"}, {"text", "points"}})}}}};
  return {comparison.title,
          comparison.caption,
          {{"data", inline_data(rows)},
           {"height", rows_height(names.size() * tasks.size(), 18)},
           {"layer", {zero, intervals, points}}},
          table};
}

std::string takeaway(const TrainedModels& trained) {
  const std::vector<const ScoreDifference*> differences = differences_of(trained, "scratch");
  if (differences.empty()) return "";
  std::int64_t better = 0, worse = 0;
  for (const ScoreDifference* const difference : differences) {
    better += difference->difference.low > 0 ? 1 : 0;
    worse += difference->difference.high < 0 ? 1 : 0;
  }
  const auto total = static_cast<std::int64_t>(differences.size());
  return "Of " + counted(total, "comparison") +
         " with a model of as many experts from scratch, the pruned one is better in " + count_text(better) +
         ", worse in " + count_text(worse) + ", and not told apart in " + count_text(total - better - worse) + ".";
}

}  // namespace

std::optional<Section> trained_difference_section(const Study& study) {
  if (!study.trained || study.trained->differences.empty()) return std::nullopt;
  std::vector<Figure> figures;
  for (const Comparison& comparison : kComparisons) {
    const std::vector<const ScoreDifference*> differences = differences_of(*study.trained, comparison.against);
    if (!differences.empty()) figures.push_back(figure_of(comparison, differences));
  }
  const Html note = element(
      "p", {"Intervals are 95% over rows and seeds, paired by both. Detectable: the difference that is found in 80% of "
            "studies with as many seeds. Seeds needed: to detect " +
            number_text(100 * study.trained->detect, 1) + " points."});
  Html body = figures_html(figures);
  body += note;
  return Section{
      .id = "differences", .title = "Which differences are real", .takeaway = takeaway(*study.trained), .body = body};
}

}  // namespace uncurl::report
