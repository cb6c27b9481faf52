#include "uncurl/prune/plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "uncurl/base/error.h"
#include "uncurl/prune/routers/table.h"

namespace uncurl::prune {
namespace {

void check_group(const ExpertGroup& group, std::int64_t num_experts, std::set<int>& used) {
  check(!group.members.empty(), "has no members");
  for (const int member : group.members) {
    check(member >= 0 && member < num_experts, "names expert ", member, ", but the layer has experts 0 to ",
          num_experts - 1);
    check(used.insert(member).second, "names expert ", member, ", which stands in the layer's groups twice");
  }
  check(std::is_sorted(group.members.begin(), group.members.end()), "lists its members out of order");
  check(std::find(group.members.begin(), group.members.end(), group.anchor) != group.members.end(), "has anchor ",
        group.anchor, ", which is not one of its members");
  check(group.weights.size() == group.members.size(), "has ", group.weights.size(), " weights for ",
        group.members.size(), " members");
  for (const double weight : group.weights) check(std::isfinite(weight) && weight >= 0, "has weight ", weight);
  const double sum = std::accumulate(group.weights.begin(), group.weights.end(), 0.0);
  check(std::abs(sum - 1.0) < 1e-6, "has weights that sum to ", sum, ", expected 1");
  check(std::isfinite(group.scale) && group.scale > 0, "has scale ", group.scale, ", expected a positive number");
}

/// Routers that choose groups of experts before experts know a group by its numbers: an expert has to stay in its own.
void check_router_groups(const LayerPlan& layer, std::int64_t num_experts, std::int64_t num_groups) {
  check(layer.num_experts() % num_groups == 0, "keeps ", layer.num_experts(), " experts, but its router chooses among ",
        num_groups, " equal groups; keep a multiple of that");
  const std::int64_t before = num_experts / num_groups, after = layer.num_experts() / num_groups;
  for (std::int64_t g = 0; g < layer.num_experts(); ++g) {
    for (const int member : layer.groups[static_cast<std::size_t>(g)].members) {
      check(member / before == g / after, "group ", g, " holds expert ", member, " of router group ", member / before,
            ", but becomes an expert of router group ", g / after, "; keep ", after, " experts of each router group");
    }
  }
}

void check_layer(const LayerPlan& layer, const model::ModelConfig& config) {
  const std::int64_t num_experts = config.layers[static_cast<std::size_t>(layer.layer)].num_experts;
  const RouterRule& rule = find_router_rule(layer.router);
  std::set<int> used;
  for (std::size_t g = 0; g < layer.groups.size(); ++g) {
    const ExpertGroup& group = layer.groups[g];
    with_context(concat("group ", g), [&] { check_group(group, num_experts, used); });
    check(rule.merges || group.is_single(), "group ", g, " merges experts, but the router rule is '", layer.router,
          "', which only drops; choose anchor, wmean, lse or reinit");
  }
  check(layer.merge == kMergeAverage || layer.merge == kMergeLeastSquares, "merges by '", layer.merge, "'; there is ",
        kMergeAverage, ", ", kMergeLeastSquares);
  check(layer.match == kMatchWeights || layer.match == kMatchActivations, "matches neurons by '", layer.match,
        "'; there is ", kMatchWeights, ", ", kMatchActivations);
  check(layer.num_experts() >= config.routing.top_k, "keeps ", layer.num_experts(), " experts, but each token needs ",
        config.routing.top_k, "; keep at least that many");
  if (config.routing.num_groups > 1) check_router_groups(layer, num_experts, config.routing.num_groups);
}

}  // namespace

ExpertGroup single_group(int expert) { return {.members = {expert}, .anchor = expert, .weights = {1.0}}; }

Groups in_order(Groups groups) {
  std::sort(groups.begin(), groups.end(),
            [](const ExpertGroup& a, const ExpertGroup& b) { return a.anchor < b.anchor; });
  return groups;
}

void check_plan(const Plan& plan, const model::ModelConfig& config) {
  check(plan.model_type == config.model_type, "the plan is for a ", plan.model_type, " model, this is ",
        config.model_type);
  check(std::isfinite(plan.ridge) && plan.ridge >= 0, "the plan has ridge ", plan.ridge,
        ", expected a positive number");
  check(config.gated_mlp || !plan.align.rescale,
        "the plan aligns with \"rescale\", a symmetry of gated experts; those of ", config.model_type,
        " have no gate, so it has to be false");
  const std::vector<std::int64_t> moe_layers = config.moe_layers();
  check(plan.layers.size() == moe_layers.size(), "the plan has ", plan.layers.size(), " layers, the model has ",
        moe_layers.size(), " with experts");
  for (std::size_t i = 0; i < plan.layers.size(); ++i) {
    const LayerPlan& layer = plan.layers[i];
    check(layer.router != "lse" || plan.ridge > 0,
          "the plan has ridge 0, expected a positive number: it is what keeps the router rule lse well posed");
    check(layer.layer == moe_layers[i], "entry ", i, " of the plan is for layer ", layer.layer, ", expected layer ",
          moe_layers[i]);
    with_context(concat("layer ", layer.layer), [&] { check_layer(layer, config); });
    check(plan.allow_mixed_counts || layer.num_experts() == plan.layers[0].num_experts(), "layer ", layer.layer,
          " keeps ", layer.num_experts(), " experts and layer ", plan.layers[0].layer, " keeps ",
          plan.layers[0].num_experts(),
          "; transformers and most engines hold one number for all layers. Make them equal, or allow it with "
          "--allow-mixed-counts (\"allow_mixed_counts\": true in the plan)");
  }
}

std::vector<std::int64_t> experts_after(const Plan& plan, const model::ModelConfig& config) {
  std::vector<std::int64_t> counts(config.layers.size(), 0);
  for (const LayerPlan& layer : plan.layers) counts[static_cast<std::size_t>(layer.layer)] = layer.num_experts();
  return counts;
}

}  // namespace uncurl::prune
