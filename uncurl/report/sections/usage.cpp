// Which experts a task uses: a map of layers by experts for each task, and how concentrated the selections are.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "uncurl/base/join.h"
#include "uncurl/report/figure.h"
#include "uncurl/report/section.h"
#include "uncurl/report/specs.h"

namespace uncurl::report {
namespace {

/// Experts of a layer by their mean use over all tasks, most used first: the order of columns, the same for each task,
/// so that two maps differ where the tasks do.
std::vector<std::size_t> by_mean_use(const Matrix& usage) {
  std::vector<double> sum(usage.front().size(), 0);
  for (const auto& task : usage) {
    for (std::size_t e = 0; e < task.size(); ++e) sum[e] += task[e];
  }
  std::vector<std::size_t> order(sum.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return sum[a] > sum[b]; });
  return order;
}

struct Concentration {
  std::int64_t never_used = 0;
  double top_quarter = 0;        ///< share of the selections that the most used quarter of the experts takes
  double effective_experts = 0;  ///< exp(entropy): as many, used evenly, would be as hard to guess
};

Concentration concentration(const std::vector<double>& shares) {
  Concentration result;
  std::vector<double> sorted = shares;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  const double total = std::accumulate(sorted.begin(), sorted.end(), 0.0);
  if (total <= 0) return {.never_used = static_cast<std::int64_t>(shares.size())};
  double entropy = 0;
  for (std::size_t e = 0; e < sorted.size(); ++e) {
    const double share = sorted[e] / total;
    if (4 * e < sorted.size()) result.top_quarter += share;
    if (share > 0) entropy -= share * std::log(share);
    result.never_used += share > 0 ? 0 : 1;
  }
  result.effective_experts = std::exp(entropy);
  return result;
}

bool has_usage(const LayerFacts& layer) { return !layer.usage.empty() && !layer.usage.front().empty(); }

Json data_rows(const Study& study, std::size_t task) {
  Json rows = Json::array();
  for (const LayerFacts& layer : study.layers) {
    if (!has_usage(layer)) continue;
    const std::vector<std::size_t> order = by_mean_use(layer.usage);
    for (std::size_t rank = 0; rank < order.size(); ++rank) {
      rows.push_back({{"layer", layer.layer},
                      {"rank", rank},
                      {"expert", order[rank]},
                      {"share", rounded(layer.usage[task][order[rank]])}});
    }
  }
  return rows;
}

/// The largest share of any expert in any task, so that the maps share one scale of colours.
double largest_share(const Study& study) {
  double largest = 0;
  for (const LayerFacts& layer : study.layers) {
    for (const auto& task : layer.usage) largest = std::max(largest, *std::max_element(task.begin(), task.end()));
  }
  return largest;
}

Json spec(const Study& study, std::size_t task) {
  Json color = heat("share", "Share", ".0%");
  color["scale"]["domain"] = {0, rounded(largest_share(study))};
  const Json x = with(quantitative("rank", "Experts, most used first"),
                      {{"axis", {{"grid", false}, {"tickMinStep", 1}, {"format", "d"}}}, {"scale", {{"nice", false}}}});
  return {{"data", inline_data(data_rows(study, task))},
          {"height", layers_height(study.layers.size())},
          {"transform", Json::array({{{"calculate", "datum.rank + 1"}, {"as", "next"}}})},
          {"mark", {{"type", "rect"}}},
          {"encoding",
           {{"x", x},
            {"x2", {{"field", "next"}}},
            {"y", with(ordinal("layer", "Layer"), {{"axis", {{"labelOverlap", "greedy"}}}})},
            {"color", color},
            {"tooltip", Json::array({{{"field", "layer"}, {"title", "layer"}},
                                     {{"field", "expert"}, {"title", "expert"}},
                                     {{"field", "share"}, {"title", "share"}, {"format", ".2%"}}})}}}};
}

std::string most_used(const std::vector<double>& shares) {
  std::vector<std::size_t> order(shares.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return shares[a] > shares[b]; });
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min<std::size_t>(4, order.size()); ++i) names.push_back(std::to_string(order[i]));
  return join(names);
}

Table numbers_table(const Study& study, std::size_t task) {
  Table table{.head = {"Layer", "Top quarter's share", "Effective experts", "Never used", "Most used"}};
  for (const LayerFacts& layer : study.layers) {
    if (!has_usage(layer)) continue;
    const Concentration result = concentration(layer.usage[task]);
    table.rows.push_back({std::to_string(layer.layer), percent_text(result.top_quarter),
                          number_text(result.effective_experts, 1), count_text(result.never_used),
                          most_used(layer.usage[task])});
  }
  return table;
}

double mean_top_quarter(const Study& study, std::size_t task) {
  double sum = 0, n = 0;
  for (const LayerFacts& layer : study.layers) {
    if (!has_usage(layer)) continue;
    sum += concentration(layer.usage[task]).top_quarter;
    ++n;
  }
  return sum / n;
}

std::string takeaway(const Study& study) {
  std::vector<std::string> shares;
  for (std::size_t task = 0; task < study.tasks.size(); ++task) {
    shares.push_back(percent_text(mean_top_quarter(study, task)) + " on " + study.tasks[task].name);
  }
  return "The most used quarter of a layer's experts takes " + join(shares) +
         " of the selections (25% if all were used alike).";
}

}  // namespace

std::optional<Section> usage_section(const Study& study) {
  if (std::none_of(study.layers.begin(), study.layers.end(), has_usage)) return std::nullopt;
  std::vector<Figure> figures;
  for (std::size_t task = 0; task < study.tasks.size(); ++task) {
    figures.push_back({"Selections on " + study.tasks[task].name,
                       "Columns stand in the order of their mean use over all tasks, the same in every map.",
                       spec(study, task), numbers_table(study, task)});
  }
  return Section{
      .id = "usage", .title = "Which experts are used", .takeaway = takeaway(study), .body = figures_html(figures)};
}

}  // namespace uncurl::report
