#include "uncurl/prune/planner.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "uncurl/base/error.h"
#include "uncurl/base/join.h"
#include "uncurl/prune/methods/table.h"
#include "uncurl/prune/routers/table.h"

namespace uncurl::prune {
namespace {

void check_count(const model::ModelConfig& config, std::int64_t count) {
  check(count >= config.routing.top_k, "cannot keep ", count, " experts: each token is sent to ", config.routing.top_k,
        ", so at least that many must stay");
  check(count <= config.num_experts, "cannot keep ", count, " experts: the model has ", config.num_experts);
  check(count % config.routing.num_groups == 0, "cannot keep ", count, " experts: the router chooses among ",
        config.routing.num_groups, " equal groups, so the number must be a multiple of that");
}

void check_layers_known(const PlanRequest& request, const RoutingStats& stats) {
  std::set<std::int64_t> known;
  for (const LayerStats& layer : stats.layers) known.insert(layer.layer);
  const auto expect = [&](std::int64_t layer, const char* option) {
    check(known.contains(layer), option, " names layer ", layer, ", which holds no experts");
  };
  for (const auto& [layer, method] : request.layer_methods) expect(layer, "--layer-method");
  for (const auto& [layer, count] : request.layer_experts) expect(layer, "--layer-experts");
  for (const auto& [layer, experts] : request.options.protect) expect(layer, "--protect");
}

struct LayerChoice {
  const Method* method;
  std::int64_t count;
};

/// Method and number of experts by layer, its own where the request names one.
std::vector<LayerChoice> choose(const model::ModelConfig& config, const std::vector<LayerSummary>& layers,
                                std::int64_t num_experts_after, const PlanRequest& request) {
  std::vector<LayerChoice> choices;
  for (const LayerSummary& layer : layers) {
    const auto own_method = request.layer_methods.find(layer.layer);
    const auto own_count = request.layer_experts.find(layer.layer);
    choices.push_back(
        {&find_method(own_method == request.layer_methods.end() ? request.method : own_method->second),
         own_count == request.layer_experts.end() ? num_experts_after : own_count->second});
    check_count(config, choices.back().count);
    check(choices.back().count <= layer.num_experts(), "layer ", layer.layer, ": cannot keep ", choices.back().count,
          " experts, it has ", layer.num_experts(), "; give it fewer with --layer-experts");
  }
  return choices;
}

/// The groups of each layer. Layers of one method and count are planned together; a limit that others could not meet
/// (protected experts, cluster sizes) does not concern them.
std::vector<Groups> group_layers(const std::vector<LayerSummary>& layers, const std::vector<LayerChoice>& choices,
                                 const PlanRequest& request) {
  std::map<std::pair<std::string, std::int64_t>, std::vector<std::size_t>> alike;
  for (std::size_t i = 0; i < layers.size(); ++i) alike[{choices[i].method->name, choices[i].count}].push_back(i);
  std::vector<Groups> groups(layers.size());
  for (const auto& [choice, indices] : alike) {
    std::vector<LayerSummary> together;
    for (const std::size_t i : indices) together.push_back(layers[i]);
    const MethodInput input{together, choice.second, request.options, request.seed};
    std::vector<Groups> planned = choices[indices.front()].method->plan(input);
    for (std::size_t j = 0; j < indices.size(); ++j) groups[indices[j]] = std::move(planned[j]);
  }
  return groups;
}

std::string router_name(const PlanRequest& request, const Method& method) {
  if (!method.merges) return "slice";
  return request.router.value_or(kDefaultMergeRouter);
}

void check_router(const PlanRequest& request) {
  if (!request.router) return;
  const RouterRule& rule = find_router_rule(*request.router);
  std::vector<std::string> names = {request.method};
  for (const auto& [layer, method] : request.layer_methods) names.push_back(method);
  const bool any_merge =
      std::any_of(names.begin(), names.end(), [](const auto& name) { return find_method(name).merges; });
  if (any_merge != rule.merges) {
    throw UsageError(concat("--router ", *request.router, " has no effect: method ", request.method,
                            any_merge ? " merges experts; choose anchor, wmean, lse or reinit"
                                      : " drops experts, and their rows are always sliced"));
  }
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
               {"experts", count},
               {"centering", cluster::name_of(cluster::centering_names(), affinity.centering)},
               {"affinity_map", cluster::name_of(cluster::affinity_map_names(), affinity.map)},
               {"affinity_power", affinity.power},
               {"laplacian", cluster::name_of(cluster::laplacian_names(),
                                              request.options.clustering.laplacian.value_or(cluster::Laplacian::kNjw))},
               {"num_restarts", request.options.clustering.num_restarts},
               {"max_cluster_size", request.options.clustering.max_cluster_size},
               {"renormalize_gates", request.options.renormalize_gates},
               {"compensate", request.compensate},
               {"weights", request.weights}};
  for (const auto& [layer, experts] : request.options.protect) json["protect"][std::to_string(layer)] = experts;
  return json;
}

}  // namespace

std::int64_t resolve_count(const model::ModelConfig& config, std::optional<std::int64_t> experts,
                           std::optional<double> keep, const Listener& listener) {
  if (experts.has_value() == keep.has_value()) throw UsageError("give either --experts (a count) or --keep (a share)");
  if (experts) {
    check_count(config, *experts);
    return *experts;
  }
  if (!(*keep > 0 && *keep <= 1))
    throw UsageError(concat("--keep is ", *keep, ", expected a share above 0 and up to 1"));
  const std::int64_t step = config.routing.num_groups;
  const double exact = *keep * static_cast<double>(config.num_experts);
  std::int64_t count = std::lround(exact / static_cast<double>(step)) * step;
  while (count < config.routing.top_k) count += step;
  listener.note(concat("--keep ", *keep, " of ", config.num_experts, " experts: keeping ", count,
                       static_cast<double>(count) == exact ? "" : " (rounded)"));
  check_count(config, count);
  return count;
}

Plan make_plan(const model::ModelConfig& config, const RoutingStats& stats, std::int64_t num_experts_after,
               const PlanRequest& request, const Listener& listener) {
  check_count(config, num_experts_after);
  check_layers_known(request, stats);
  check_router(request);
  check(request.layer_experts.empty() || request.allow_mixed_counts,
        "--layer-experts gives layers different numbers of experts; transformers and most engines hold one number. "
        "Allow it "
        "with --allow-mixed-counts");
  const JsonObject provenance(stats.provenance, "the statistics");
  Plan plan{.model_fingerprint = provenance.string("model_fingerprint"),
            .model_type = provenance.string("model_type"),
            .options = options_json(request, num_experts_after),
            .align = request.align,
            .ridge = request.ridge,
            .seed = request.seed,
            .allow_mixed_counts = request.allow_mixed_counts};
  const std::vector<LayerSummary> layers = mix_all(stats, request.weights);
  const std::vector<LayerChoice> choices = choose(config, layers, num_experts_after, request);
  std::vector<Groups> groups = group_layers(layers, choices, request);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Method& method = *choices[i].method;
    const std::int64_t count = choices[i].count;
    LayerPlan layer{.layer = layers[i].layer,
                    .method = method.name,
                    .router = router_name(request, method),
                    .groups = std::move(groups[i])};
    const bool drops = !method.merges && count < layers[i].num_experts();
    if (request.compensate) {
      if (!gates_rise(config.routing))
        throw UsageError("--compensate has no effect: this family renormalises its gates");
      if (method.merges)
        throw UsageError(concat("--compensate goes with methods that drop experts, not with ", method.name));
      compensate_(layer.groups, layers[i], config.routing.top_k);
    }
    report_clusters(layer, layers[i].num_experts(), listener);
    if (drops && gates_rise(config.routing)) report_gates(layer, layers[i], request, listener);
    report_strong_experts(layer, layers[i], listener);
    plan.layers.push_back(std::move(layer));
  }
  check_plan(plan, config);
  return plan;
}

}  // namespace uncurl::prune
