#include "uncurl/prune/plan_request.h"

#include <algorithm>
#include <cmath>

#include "uncurl/base/error.h"
#include "uncurl/prune/gates.h"
#include "uncurl/prune/grouping.h"
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

void check_layers_known(const model::ModelConfig& config, const PlanRequest& request) {
  const std::vector<std::int64_t> known = config.moe_layers();
  const auto expect = [&](std::int64_t layer, const char* option) {
    check(std::find(known.begin(), known.end(), layer) != known.end(), option, " names layer ", layer,
          ", which holds no experts");
  };
  for (const auto& [layer, method] : request.layer_methods) expect(layer, "--layer-method");
  for (const auto& [layer, count] : request.layer_experts) expect(layer, "--layer-experts");
  for (const auto& [layer, experts] : request.options.protect) expect(layer, "--protect");
}

std::vector<LayerChoice> choose(const model::ModelConfig& config, std::int64_t num_experts_after,
                                const PlanRequest& request) {
  std::vector<LayerChoice> choices;
  for (const std::int64_t layer : config.moe_layers()) {
    const auto own_method = request.layer_methods.find(layer);
    const auto own_count = request.layer_experts.find(layer);
    const Method& method = find_method(own_method == request.layer_methods.end() ? request.method : own_method->second);
    choices.push_back({layer, &method, own_count == request.layer_experts.end() ? num_experts_after : own_count->second,
                       effects_of(method, request.options).inputs});
  }
  return choices;
}

void check_router(const std::vector<LayerChoice>& choices, const PlanRequest& request) {
  if (!request.router) return;
  const RouterRule& rule = find_router_rule(*request.router);
  const bool any_merge =
      std::any_of(choices.begin(), choices.end(), [](const LayerChoice& choice) { return choice.method->merges; });
  if (any_merge != rule.merges) {
    throw UsageError(concat("--router ", *request.router, " has no effect: method ", request.method,
                            any_merge ? " merges experts; choose anchor, wmean, lse or reinit"
                                      : " drops experts, and their rows are always sliced"));
  }
}

void check_compensation(const model::ModelConfig& config, const LayerChoice& choice) {
  if (!gates_rise(config.routing)) throw UsageError("--compensate has no effect: this family renormalises its gates");
  if (choice.method->merges)
    throw UsageError(concat("--compensate goes with methods that drop experts, not with ", choice.method->name));
}

/// Experts that are not protected need groups to go to, and groups large enough.
void check_merge(const LayerChoice& choice, std::int64_t num_experts, const MethodOptions& options) {
  const auto num_protected =
      static_cast<std::int64_t>(protected_experts(options, choice.layer, num_experts, choice.count).size());
  const std::int64_t free = num_experts - num_protected, groups = choice.count - num_protected;
  check(groups > 0 || free == 0, "all ", choice.count, " groups are protected experts, so the other ", free,
        " cannot be merged; protect fewer or keep more");
  const std::int64_t limit = options.clustering.max_cluster_size;
  if (limit > 0 && !effects_of(*choice.method, options).size_limit) {
    throw UsageError(concat("clustering ", clustering_of(choice.method->grouping, options)->name, " of method ",
                            choice.method->name,
                            " cannot hold groups to a --max-cluster-size; choose --clustering "
                            "spectral or kmeans"));
  }
  check(limit == 0 || groups * limit >= free, free, " experts do not fit into ", groups, " groups of at most ", limit,
        "; raise --max-cluster-size or --experts");
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

std::vector<LayerChoice> check_request(const model::ModelConfig& config, std::int64_t num_experts_after,
                                       const PlanRequest& request) {
  check_count(config, num_experts_after);
  check_layers_known(config, request);
  check(request.layer_experts.empty() || request.allow_mixed_counts,
        "--layer-experts gives layers different numbers of experts; transformers and most engines hold one number. "
        "Allow it with --allow-mixed-counts");
  check(std::isfinite(request.ridge) && request.ridge > 0, "--ridge is ", request.ridge,
        ", expected a positive number");
  check(request.options.affinity.power >= 1, "--affinity-power is ", request.options.affinity.power,
        ", expected 1 or more");
  const std::vector<LayerChoice> choices = choose(config, num_experts_after, request);
  check_router(choices, request);
  for (const LayerChoice& choice : choices) {
    const std::int64_t num_experts = config.layers[static_cast<std::size_t>(choice.layer)].num_experts;
    check_count(config, choice.count);
    check(choice.count <= num_experts, "layer ", choice.layer, ": cannot keep ", choice.count, " experts, it has ",
          num_experts, "; give it fewer with --layer-experts");
    if (request.compensate) check_compensation(config, choice);
    protected_experts(request.options, choice.layer, num_experts, choice.count);
    if (choice.method->merges)
      with_context(concat("layer ", choice.layer), [&] { check_merge(choice, num_experts, request.options); });
  }
  return choices;
}

bool needs_inputs(const std::vector<LayerChoice>& choices) {
  return std::any_of(choices.begin(), choices.end(), [](const LayerChoice& choice) { return choice.needs_inputs; });
}

}  // namespace uncurl::prune
