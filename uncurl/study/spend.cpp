#include "uncurl/study/spend.h"

#include <algorithm>

#include "uncurl/base/error.h"
#include "uncurl/prune/grouping.h"
#include "uncurl/prune/methods/table.h"
#include "uncurl/study/budget.h"

namespace uncurl::study {
namespace {

constexpr std::size_t kUniformCounts = 2;  // a smaller count rarely loses less

std::int64_t fewest_experts(const model::ModelConfig& config) {
  std::int64_t fewest = config.num_experts;
  for (const std::int64_t layer : config.moe_layers()) {
    fewest = std::min(fewest, config.layers[static_cast<std::size_t>(layer)].num_experts);
  }
  return fewest;
}

/// The largest candidates that all layers can keep within the total, descending.
std::vector<std::int64_t> uniform_counts(const model::ModelConfig& config, std::int64_t total) {
  const auto num_layers = static_cast<std::int64_t>(config.moe_layers().size());
  const std::int64_t groups = config.routing.num_groups;
  std::vector<std::int64_t> counts;
  const std::int64_t most = std::min(total / num_layers, fewest_experts(config)) / groups * groups;
  for (std::int64_t count = most; count >= config.routing.top_k && counts.size() < kUniformCounts; count -= groups) {
    if (count > 0) counts.push_back(count);
  }
  check(!counts.empty(), "a budget of ", total, " experts is too small: each of ", num_layers,
        " layers keeps at least ", config.routing.top_k);
  return counts;
}

Spending spend_on_counts(const model::LayerStream& original, const prune::RoutingStats& stats, std::int64_t total,
                         prune::PlanRequest request, const Listener& listener) {
  const model::ModelConfig& config = original.model().config;
  std::vector<std::int64_t> counts = candidate_counts(config);
  const std::int64_t uniform = uniform_counts(config, total).front();
  if (std::find(counts.begin(), counts.end(), uniform) == counts.end()) counts.push_back(uniform);
  const prune::DamageCurves damage = prune::damage_curves(original, stats, request, counts, listener);
  std::vector<DamageCurve> curves;
  Spending spending;
  for (const std::vector<double>& errors : damage.errors) {
    curves.emplace_back();
    for (std::size_t c = 0; c < counts.size(); ++c) {
      curves.back().push_back({counts[c], errors[c]});
      if (counts[c] == uniform) spending.uniform_error += errors[c];
    }
  }
  const std::vector<std::size_t> taken = allocate(curves, total);
  std::int64_t kept = 0;
  for (std::size_t l = 0; l < curves.size(); ++l) {
    request.layer_experts[damage.layers[l]] = curves[l][taken[l]].num_experts;
    kept += curves[l][taken[l]].num_experts;
    spending.error += curves[l][taken[l]].damage;
  }
  const std::int64_t groups = config.routing.num_groups;
  spending.num_experts = kept / static_cast<std::int64_t>(curves.size()) / groups * groups;
  spending.request = std::move(request);
  return spending;
}

/// Whether the method keeps groups as small as these options ask for.
bool holds_sizes(const prune::Method& method, const prune::MethodOptions& options) {
  return !method.merges || options.clustering.max_cluster_size == 0 || prune::effects_of(method, options).size_limit;
}

Spending spend_on_methods(const model::LayerStream& original, const prune::RoutingStats& stats, std::int64_t total,
                          prune::PlanRequest request, const Listener& listener) {
  const model::ModelConfig& config = original.model().config;
  const std::vector<std::int64_t> counts = uniform_counts(config, total);
  std::vector<std::string> methods;
  std::vector<std::vector<std::vector<double>>> errors;  // by method, layer, count
  Spending spending;
  for (const prune::Method& method : prune::methods()) {
    if (method.draws || !holds_sizes(method, request.options)) continue;
    prune::PlanRequest alone = request;
    alone.method = method.name;
    if (!method.merges) alone.router.reset();
    methods.emplace_back(method.name);
    errors.push_back(prune::damage_curves(original, stats, alone, counts, listener).errors);
    if (alone.method != request.method) continue;
    for (const std::vector<double>& layer : errors.back()) spending.uniform_error += layer.front();
  }
  const UniformChoice choice = choose_uniform(counts, errors, total);
  const std::vector<std::int64_t> layers = config.moe_layers();
  bool merges = false;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    request.layer_methods[layers[l]] = methods[choice.methods[l]];
    merges = merges || prune::find_method(methods[choice.methods[l]]).merges;
  }
  request.method = methods[choice.methods.front()];
  if (!merges) request.router.reset();
  spending.num_experts = counts[choice.count];
  spending.error = choice.damage;
  spending.request = std::move(request);
  return spending;
}

}  // namespace

std::vector<std::int64_t> candidate_counts(const model::ModelConfig& config) {
  const std::int64_t groups = config.routing.num_groups, all = fewest_experts(config);
  const std::int64_t step = std::max<std::int64_t>(1, (all / groups + 15) / 16) * groups;
  std::vector<std::int64_t> counts;
  for (std::int64_t count = all; count >= config.routing.top_k && count > 0; count -= step) counts.push_back(count);
  std::reverse(counts.begin(), counts.end());
  return counts;
}

void check_budget(const model::ModelConfig& config, std::int64_t total, const prune::PlanRequest& request) {
  uniform_counts(config, total);
  if (request.allow_mixed_counts && prune::find_method(request.method).mixed_counts) {
    throw UsageError(
        concat("method ", request.method,
               " spreads a total over the layers itself: give what a layer keeps on average with --experts"));
  }
}

Spending spend_budget(const model::LayerStream& original, const prune::RoutingStats& stats, std::int64_t total,
                      prune::PlanRequest request, const Listener& listener) {
  check_budget(original.model().config, total, request);
  return request.allow_mixed_counts ? spend_on_counts(original, stats, total, std::move(request), listener)
                                    : spend_on_methods(original, stats, total, std::move(request), listener);
}

}  // namespace uncurl::study
