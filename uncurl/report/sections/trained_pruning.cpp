// What pruning lost before any training after it.
#include <algorithm>
#include <numeric>

#include "uncurl/report/figure.h"
#include "uncurl/report/section.h"
#include "uncurl/report/specs.h"

namespace uncurl::report {
namespace {

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::string reduction_name(const TrainedModel& model) {
  return std::to_string(model.pruned_from.value_or(0)) + " to " + std::to_string(model.experts);
}

Figure figure_of(const TrainedModels& trained, const std::string& task) {
  Json rows = Json::array();
  Table table{.head = {"Reduction", "Method", "KL"}, .num_labels = 2};
  std::vector<std::string> methods, reductions;
  const auto add_once = [](std::vector<std::string>& names, const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const PruningLoss& pruning : trained.pruning) {
    if (pruning.task != task) continue;
    add_once(methods, pruning.model.method);
    add_once(reductions, reduction_name(pruning.model));
    rows.push_back({{"reduction", reduction_name(pruning.model)},
                    {"method", pruning.model.method},
                    {"kl", rounded(mean(pruning.kl_by_seed))}});
    table.rows.push_back(
        {reduction_name(pruning.model), pruning.model.method, number_text(mean(pruning.kl_by_seed), 4)});
  }
  const Json y = with(ordinal("method", ""), {{"sort", methods}});
  const Json encoding = {{"y", with(ordinal("reduction", "Experts"), {{"sort", reductions}})},
                         {"yOffset", {{"field", "method"}, {"sort", methods}}},
                         {"x", quantitative("kl", "KL to the unpruned model, nats a token")},
                         {"color", by_method(methods)},
                         {"tooltip", tooltip({{"reduction", "experts"}, {"method", "method"}, {"kl", "KL"}})}};
  return {"Pruned for " + task,
          "on held-out rows of the task, mean over seeds; less is better.",
          {{"data", inline_data(rows)},
           {"height", rows_height(reductions.size() * methods.size(), 24)},
           {"mark", {{"type", "bar"}}},
           {"encoding", encoding}},
          table};
}

}  // namespace

std::optional<Section> trained_pruning_section(const Study& study) {
  if (!study.trained || study.trained->pruning.empty()) return std::nullopt;
  std::vector<Figure> figures;
  for (const TrainedTask& task : study.trained->tasks) {
    const auto& pruning = study.trained->pruning;
    const bool any =
        std::any_of(pruning.begin(), pruning.end(), [&](const PruningLoss& entry) { return entry.task == task.name; });
    if (any) figures.push_back(figure_of(*study.trained, task.name));
  }
  return Section{.id = "pruning", .title = "Pruning, before training", .takeaway = "", .body = figures_html(figures)};
}

}  // namespace uncurl::report
