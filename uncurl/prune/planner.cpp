#include "uncurl/prune/planner.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "uncurl/base/error.h"
#include "uncurl/base/join.h"
#include "uncurl/prune/gates.h"
#include "uncurl/prune/pruneable.h"

namespace uncurl::prune {
namespace {

void check_inputs(const std::vector<LayerSummary>& layers, const std::vector<LayerChoice>& choices) {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    check(!choices[i].needs_inputs || layers[i].sample_inputs.defined(), "method ", choices[i].method->name,
          " looks at the inputs of layer ", layers[i].layer,
          ", which these statistics do not hold; observe again with --keep-inputs ", kDefaultInputTokens);
  }
}

/// The groups of each layer. Layers of one method and count are planned together; a limit that others could not meet
/// (protected experts, cluster sizes) does not concern them.
std::vector<Groups> group_layers(const model::Model& model, const std::vector<LayerSummary>& layers,
                                 const std::vector<LayerChoice>& choices, const PlanRequest& request,
                                 const Listener& listener) {
  std::map<std::pair<std::string, std::int64_t>, std::vector<std::size_t>> alike;
  for (std::size_t i = 0; i < layers.size(); ++i) alike[{choices[i].method->name, choices[i].count}].push_back(i);
  std::vector<Groups> groups(layers.size());
  for (const auto& [choice, indices] : alike) {
    std::vector<LayerSummary> together;
    for (const std::size_t i : indices) together.push_back(layers[i]);
    const MethodInput input{together, choice.second, request.options,           request.seed,
                            model,    listener,      request.allow_mixed_counts};
    std::vector<Groups> planned = choices[indices.front()].method->plan(input);
    for (std::size_t j = 0; j < indices.size(); ++j) groups[indices[j]] = std::move(planned[j]);
  }
  return groups;
}

std::string router_name(const PlanRequest& request, const Method& method) {
  if (!method.merges) return "slice";
  return request.router.value_or(method.router == nullptr ? kDefaultMergeRouter : method.router);
}

/// "16 groups, sizes 9 4 2 1 (x13)"
std::string sizes_text(const Groups& groups) {
  std::map<std::size_t, int, std::greater<>> histogram;
  for (const ExpertGroup& group : groups) ++histogram[group.members.size()];
  std::vector<std::string> parts;
  for (const auto& [size, times] : histogram) {
    parts.push_back(times > 1 ? concat(size, " (x", times, ")") : std::to_string(size));
  }
  return join(parts, " ");
}

void report_clusters(const LayerPlan& layer, std::int64_t num_experts, const Listener& listener) {
  std::size_t largest = 0;
  for (const ExpertGroup& group : layer.groups) largest = std::max(largest, group.members.size());
  if (largest == 1) return;
  const double share = static_cast<double>(largest) / static_cast<double>(num_experts);
  listener.note(concat("layer ", layer.layer, ": ", layer.groups.size(), " groups of ", num_experts, " experts, sizes ",
                       sizes_text(layer.groups), "; the largest holds ", std::lround(100 * share), "%"));
  if (share > 0.5 && layer.num_experts() > 2) {
    listener.warning(concat("layer ", layer.layer, ": one group holds ", largest, " of ", num_experts,
                            " experts, whose average is rarely a good expert; consider --max-cluster-size, another "
                            "--centering, or --layer-method ",
                            layer.layer, ":frequency"));
  }
}

void report_gates(const LayerPlan& layer, const LayerSummary& summary, const PlanRequest& request,
                  const Listener& listener) {
  const double rise = mean_gate_rise(summary, layer.groups);
  if (rise < 1.005) return;
  listener.note(concat("layer ", layer.layer,
                       ": this router does not renormalise, so dropping raises the remaining gates by ",
                       std::lround(100 * (rise - 1)), "% on average",
                       request.compensate ? "; compensated" : "; --compensate scales the kept experts down"));
}

/// An expert whose largest output is far above the others' ("super expert", arXiv 2507.23279) should not be lost.
void report_strong_experts(const LayerPlan& layer, const LayerSummary& summary, const Listener& listener) {
  const std::vector<double> largest = plain(summary.sums.norm_max);
  std::vector<double> sorted = largest;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2), sorted.end());
  const double median = sorted[sorted.size() / 2];
  for (std::size_t e = 0; e < largest.size(); ++e) {
    if (largest[e] <= 10 * median || median == 0) continue;
    const bool kept = std::any_of(layer.groups.begin(), layer.groups.end(), [&](const ExpertGroup& group) {
      return group.is_single() && group.anchor == static_cast<int>(e);
    });
    if (kept) continue;
    listener.warning(
        concat("layer ", layer.layer, ": expert ", e, " has outputs up to ", std::lround(largest[e] / median),
               " times the median expert's and is not kept as it is; --protect ", layer.layer, ":", e, " keeps it"));
  }
}

Json options_json(const PlanRequest& request, std::int64_t count) {
  const cluster::AffinityOptions& affinity = request.options.affinity;
  Json json = {{"method", request.method},
               {"paper", request.paper},
               {"experts", count},
               {"centering", cluster::name_of(cluster::centering_names(), affinity.centering)},
               {"affinity_map", cluster::name_of(cluster::affinity_map_names(), affinity.map)},
               {"affinity_power", affinity.power},
               {"laplacian", cluster::name_of(cluster::laplacian_names(),
                                              request.options.clustering.laplacian.value_or(cluster::Laplacian::kNjw))},
               {"num_restarts", request.options.clustering.num_restarts},
               {"max_cluster_size", request.options.clustering.max_cluster_size},
               {"renormalize_gates", request.options.renormalize_gates},
               {"compensate", request.compensate}};
  if (request.options.algorithm) json["clustering"] = *request.options.algorithm;
  if (request.options.compare) json["compare"] = *request.options.compare;
  if (!request.weights.empty()) json["weights"] = request.weights;
  for (const auto& [layer, experts] : request.options.protect) json["protect"][std::to_string(layer)] = experts;
  return json;
}

/// Experts without a gate have no scale and sign that are free.
AlignOptions align_of(const PlanRequest& request, const model::ModelConfig& config) {
  return {.permute = request.align.permute, .rescale = request.align.rescale && config.gated_mlp};
}

/// A plan of no layers yet.
Plan plan_without_layers(const RoutingStats& stats, std::int64_t num_experts_after, const PlanRequest& request,
                         const model::ModelConfig& config) {
  const JsonObject provenance(stats.provenance, "the statistics");
  return {.model_fingerprint = provenance.string("model_fingerprint"),
          .model_type = provenance.string("model_type"),
          .options = options_json(request, num_experts_after),
          .align = align_of(request, config),
          .ridge = request.ridge,
          .seed = request.seed,
          .weights = request.weights,
          .allow_mixed_counts = request.allow_mixed_counts};
}

/// The plan of each layer from its groups, with what there is to say about it.
std::vector<LayerPlan> plan_layers(const model::Model& model, const std::vector<LayerSummary>& layers,
                                   const std::vector<LayerChoice>& choices, const PlanRequest& request,
                                   const Listener& listener) {
  check_inputs(layers, choices);
  std::vector<Groups> groups = group_layers(model, layers, choices, request, listener);
  std::vector<LayerPlan> plans;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Method& method = *choices[i].method;
    const std::int64_t count = choices[i].count;
    LayerPlan layer{.layer = layers[i].layer,
                    .method = method.name,
                    .router = router_name(request, method),
                    .groups = std::move(groups[i]),
                    .merge = method.merge,
                    .match = request.align.permute ? method.match : kMatchWeights};
    const bool drops = !method.merges && count < layers[i].num_experts();
    if (request.compensate) compensate_(layer.groups, layers[i], model.config.routing.top_k);
    report_clusters(layer, layers[i].num_experts(), listener);
    if (drops && gates_rise(model.config.routing)) report_gates(layer, layers[i], request, listener);
    report_strong_experts(layer, layers[i], listener);
    plans.push_back(std::move(layer));
  }
  return plans;
}

/// Statistics of a sequential run are of layers after other pruned layers, which only its own request prunes alike.
void report_other_sequence(const RoutingStats& stats, std::int64_t num_experts_after, const PlanRequest& request,
                           const Listener& listener) {
  const auto sequential = stats.provenance.find("sequential");
  if (sequential == stats.provenance.end() || *sequential == request_json(request, num_experts_after)) return;
  listener.warning(
      "these statistics were taken with --sequential, after layers pruned by another request than this one: only the "
      "first layer was seen as this plan will leave it. Observe the model itself for other plans");
}

}  // namespace

Json request_json(const PlanRequest& request, std::int64_t num_experts_after) {
  Json json = options_json(request, num_experts_after);
  json["router"] = request.router.value_or("");
  json["align"] = {{"permute", request.align.permute}, {"rescale", request.align.rescale}};
  json["ridge"] = request.ridge;
  json["seed"] = request.seed;
  json["allow_mixed_counts"] = request.allow_mixed_counts;
  for (const auto& [layer, method] : request.layer_methods) json["layer_methods"][std::to_string(layer)] = method;
  for (const auto& [layer, count] : request.layer_experts) json["layer_experts"][std::to_string(layer)] = count;
  return json;
}

Plan make_plan(const model::Model& model, const RoutingStats& stats, std::int64_t num_experts_after,
               const PlanRequest& request, const Listener& listener) {
  check_pruneable(model);
  const std::vector<LayerChoice> choices = check_request(model.config, num_experts_after, request);
  report_other_sequence(stats, num_experts_after, request, listener);
  Plan plan = plan_without_layers(stats, num_experts_after, request, model.config);
  plan.layers = plan_layers(model, mix_all(stats, request.weights), choices, request, listener);
  check_plan(plan, model.config);
  return plan;
}

Plan plan_of_layer(const model::Model& model, const RoutingStats& stats, const LayerSummary& layer,
                   std::int64_t num_experts_after, const PlanRequest& request) {
  Plan plan = plan_without_layers(stats, num_experts_after, request, model.config);
  for (const LayerChoice& choice : check_request(model.config, num_experts_after, request)) {
    if (choice.layer == layer.layer) plan.layers = plan_layers(model, {layer}, {choice}, request, {});
  }
  return plan;
}

}  // namespace uncurl::prune
