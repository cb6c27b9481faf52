// Where in the model the loss arises: the error of each layer's output, as predicted from its sampled inputs.
#include <algorithm>
#include <functional>
#include <set>

#include "uncurl/report/figure.h"
#include "uncurl/report/measures.h"
#include "uncurl/report/section.h"
#include "uncurl/report/specs.h"

namespace uncurl::report {
namespace {

std::optional<double> error_at(const LayerFacts& layer, const std::string& method, std::int64_t count) {
  for (const auto& [name, errors] : layer.error) {
    if (name != method) continue;
    for (const auto& [experts, error] : errors) {
      if (experts == count) return error;
    }
  }
  return std::nullopt;
}

std::vector<std::int64_t> error_counts(const Study& study) {
  std::set<std::int64_t, std::greater<>> found;
  for (const LayerFacts& layer : study.layers) {
    for (const auto& [method, errors] : layer.error) {
      for (const auto& [count, error] : errors) found.insert(count);
    }
  }
  return {found.begin(), found.end()};
}

/// Methods with an error at the count: those that were measured in their order, then those that were predicted only.
std::vector<std::string> error_methods(const Study& study, std::int64_t count) {
  std::vector<std::string> all = methods_in_order(study), methods;
  for (const LayerFacts& layer : study.layers) {
    for (const auto& [method, errors] : layer.error) {
      if (std::find(all.begin(), all.end(), method) == all.end()) all.push_back(method);
    }
  }
  std::copy_if(all.begin(), all.end(), std::back_inserter(methods), [&](const std::string& method) {
    return std::any_of(study.layers.begin(), study.layers.end(),
                       [&](const LayerFacts& layer) { return error_at(layer, method, count).has_value(); });
  });
  return methods;
}

/// A map of methods by layers. A layer that is left whole has no error: it is drawn as the least of the others, since a
/// logarithmic scale has no place for 0.
Json spec(const Study& study, std::int64_t count) {
  const std::vector<std::string> methods = error_methods(study, count);
  std::vector<double> errors;
  for (const std::string& method : methods) {
    for (const LayerFacts& layer : study.layers) {
      const std::optional<double> error = error_at(layer, method, count);
      if (error && *error > 0) errors.push_back(*error);
    }
  }
  const double least = errors.empty() ? 0 : *std::min_element(errors.begin(), errors.end());
  Json rows = Json::array();
  for (const std::string& method : methods) {
    for (const LayerFacts& layer : study.layers) {
      const std::optional<double> error = error_at(layer, method, count);
      if (!error) continue;
      rows.push_back({{"layer", layer.layer},
                      {"method", method},
                      {"error", rounded(std::max(*error, least))},
                      {"text", number_text(*error)}});
    }
  }
  const Json x = with(ordinal("layer", "Layer"), {{"axis", {{"labelAngle", 0}, {"labelOverlap", "greedy"}}}});
  const Json tips = tooltip({{"method", "method"}, {"layer", "layer"}, {"text", "relative squared error"}});
  return {{"data", inline_data(rows)},
          {"height", rows_height(methods.size(), 22)},
          {"mark", "rect"},
          {"encoding",
           {{"x", x},
            {"y", with(ordinal("method", ""), {{"sort", methods}})},
            {"color", heat_of_losses(errors, "error", "Relative squared error")},
            {"tooltip", tips}}}};
}

Table numbers_table(const Study& study, std::int64_t count) {
  const std::vector<std::string> methods = error_methods(study, count);
  Table table{.head = {"Layer"}};
  table.head.insert(table.head.end(), methods.begin(), methods.end());
  for (const LayerFacts& layer : study.layers) {
    std::vector<std::string> row = {std::to_string(layer.layer)};
    for (const std::string& method : methods) {
      const std::optional<double> error = error_at(layer, method, count);
      row.push_back(error ? number_text(*error) : "–");
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

/// The layers with the most and the least error, under the best method at the fewest experts.
std::string takeaway(const Study& study, std::int64_t count) {
  const std::string method = error_methods(study, count).front();
  const LayerFacts *worst = nullptr, *best = nullptr;
  for (const LayerFacts& layer : study.layers) {
    const std::optional<double> error = error_at(layer, method, count);
    if (!error) continue;
    if (worst == nullptr || *error > *error_at(*worst, method, count)) worst = &layer;
    if (best == nullptr || *error < *error_at(*best, method, count)) best = &layer;
  }
  if (worst == best) return "";
  return "Layer " + std::to_string(worst->layer) + " is the hardest to shrink: with " + method + " at " +
         counted(count, "expert") + " the error of its output is " + number_text(*error_at(*worst, method, count)) +
         ", that of layer " + std::to_string(best->layer) + " " + number_text(*error_at(*best, method, count)) + ".";
}

}  // namespace

std::optional<Section> layer_error_section(const Study& study) {
  std::vector<Figure> figures;
  const std::vector<std::int64_t> all_counts = error_counts(study);
  if (all_counts.empty()) return std::nullopt;
  for (const std::int64_t count : all_counts) {
    figures.push_back({counted(count, "expert"),
                       "squared error of each layer's output, relative to its square, on sampled inputs.",
                       spec(study, count), numbers_table(study, count)});
  }
  return Section{.id = "layers",
                 .title = "Loss by layer",
                 .takeaway = takeaway(study, all_counts.back()),
                 .body = figures_html(figures)};
}

}  // namespace uncurl::report
