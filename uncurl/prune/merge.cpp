#include "uncurl/prune/merge.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <map>
#include <span>

#include "uncurl/kernels/parallel_tasks.h"
#include "uncurl/prune/align.h"
#include "uncurl/prune/least_squares.h"
#include "uncurl/prune/routers/table.h"

namespace uncurl::prune {
namespace {

Expert rounded_like(const Expert& expert, const Expert& stored) {
  return model::with_each_tensor(expert, [&](const Tensor& tensor) { return tensor.to(stored.up.scalar_type()); });
}

void add_(Neurons& sum, const Neurons& neurons, double weight) {
  sum.gate.add_(neurons.gate, weight);
  sum.up_down.add_(neurons.up_down, weight);
  if (sum.down_bias.defined()) sum.down_bias.add_(neurons.down_bias, weight);
}

/// @param tokens  what neurons are matched by beside their weights; nullptr: nothing
Neurons prepared(const Expert& stored, const AlignOptions& options, const KeptTokens* tokens) {
  const Neurons neurons = options.rescale ? balanced(neurons_of(stored)) : neurons_of(stored);
  return tokens == nullptr ? neurons : with_activations(neurons, tokens->inputs_mD, tokens->weights_m);
}

/// A member that has to be aligned to the anchor of its group.
struct Pair {
  std::size_t group, member;  ///< indices into the groups and into the group's members
};

/// By group, then by member: the order in which they are summed. Members without weight are not looked at.
std::vector<Pair> pairs_of(const Groups& groups) {
  std::vector<Pair> pairs;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (std::size_t m = 0; m < groups[g].members.size(); ++m) {
      if (groups[g].members[m] != groups[g].anchor && groups[g].weights[m] > 0) pairs.push_back({g, m});
    }
  }
  return pairs;
}

/// A group whose members are being added up, in fp32.
struct OpenGroup {
  Neurons anchor, sum;
};

OpenGroup open_group(const Neurons& anchor, const ExpertGroup& group) {
  const auto place = std::find(group.members.begin(), group.members.end(), group.anchor) - group.members.begin();
  const double weight = group.weights[static_cast<std::size_t>(place)];
  const Tensor bias = anchor.down_bias.defined() ? anchor.down_bias * weight : Tensor();
  return {anchor, {anchor.gate * weight, anchor.up_down * weight, bias, {}, {}}};
}

/// Those of these pairs that are not open yet. An anchor a thread, so that their number changes no bit.
template <class Prepare>
void open_groups_(std::map<std::size_t, OpenGroup>& open, std::span<const Pair> pairs, const Groups& groups,
                  Prepare prepare) {
  std::vector<std::size_t> closed;
  for (const Pair& pair : pairs) {
    if (!open.contains(pair.group) && (closed.empty() || closed.back() != pair.group)) closed.push_back(pair.group);
  }
  std::vector<Neurons> anchors(closed.size());
  kernels::run_tasks(closed.size(),
                     [&] { return [&](std::size_t i) { anchors[i] = prepare(groups[closed[i]].anchor); }; });
  for (std::size_t i = 0; i < closed.size(); ++i) open.emplace(closed[i], open_group(anchors[i], groups[closed[i]]));
}

Expert finished(const Neurons& neurons, double scale, const Expert& stored) {
  Expert expert = expert_of(neurons);
  if (scale != 1.0) {
    expert.down = expert.down * scale;
    if (expert.down_bias.defined()) expert.down_bias = expert.down_bias * scale;
  }
  return rounded_like(expert, stored);
}

}  // namespace

std::vector<Expert> merge_groups(const std::vector<Expert>& experts, const Groups& groups, const AlignOptions& options,
                                 const KeptTokens* tokens) {
  const c10::InferenceMode inference;
  std::vector<Expert> merged;
  for (const ExpertGroup& group : groups) {  // what no other member is added to
    const Expert& stored = experts[static_cast<std::size_t>(group.anchor)];
    merged.push_back(group.scale == 1.0 ? stored : finished(neurons_of(stored), group.scale, stored));
  }
  const std::vector<Pair> pairs = pairs_of(groups);
  const auto batch = static_cast<std::size_t>(at::get_num_threads());
  std::map<std::size_t, OpenGroup> open;
  for (std::size_t first = 0; first < pairs.size(); first += batch) {
    const std::size_t last = std::min(first + batch, pairs.size());
    open_groups_(open, std::span(pairs).subspan(first, last - first), groups,
                 [&](int expert) { return prepared(experts[static_cast<std::size_t>(expert)], options, tokens); });
    std::vector<Neurons> aligned(last - first);
    kernels::run_tasks(last - first, [&] {
      return [&](std::size_t offset) {
        const std::size_t i = first + offset;
        const int member = groups[pairs[i].group].members[pairs[i].member];
        const Neurons other = prepared(experts[static_cast<std::size_t>(member)], options, tokens);
        aligned[offset] = align_to(open.at(pairs[i].group).anchor, other, options);
      };
    });
    for (std::size_t i = first; i < last; ++i) {
      const std::size_t g = pairs[i].group;
      add_(open.at(g).sum, aligned[i - first], groups[g].weights[pairs[i].member]);
      if (i + 1 < pairs.size() && pairs[i + 1].group == g) continue;
      merged[g] = finished(open.at(g).sum, groups[g].scale, experts[static_cast<std::size_t>(groups[g].anchor)]);
      open.erase(g);
    }
  }
  return merged;
}

namespace {

std::vector<Expert> merge_by_activations(const std::vector<Expert>& experts, const Groups& groups,
                                         const AlignOptions& options, const LayerSummary& summary) {
  KeptTokens tokens = kept_tokens(summary);
  tokens.inputs_mD = tokens.inputs_mD.to(at::kFloat);
  return merge_groups(experts, groups, options, &tokens);
}

}  // namespace

std::vector<bool> experts_of_groups(const Groups& groups, std::int64_t num_experts) {
  std::vector<bool> wanted(static_cast<std::size_t>(num_experts), false);
  for (const ExpertGroup& group : groups) {
    wanted[static_cast<std::size_t>(group.anchor)] = true;
    for (std::size_t m = 0; m < group.members.size(); ++m) {
      if (group.weights[m] > 0) wanted[static_cast<std::size_t>(group.members[m])] = true;
    }
  }
  return wanted;
}

PrunedLayer prune_layer(const model::Model& model, const Plan& plan, const LayerPlan& layer,
                        const LayerSummary& summary) {
  const std::int64_t num_experts = model.config.layers[static_cast<std::size_t>(layer.layer)].num_experts;
  return prune_layer(model, plan, layer, summary,
                     model::stored_experts(model, layer.layer, experts_of_groups(layer.groups, num_experts)));
}

PrunedLayer prune_layer(const model::Model& model, const Plan& plan, const LayerPlan& layer,
                        const LayerSummary& summary, const std::vector<Expert>& experts) {
  const c10::InferenceMode inference;
  PrunedLayer pruned{.experts = layer.match == kMatchActivations
                                    ? merge_by_activations(experts, layer.groups, plan.align, summary)
                                    : merge_groups(experts, layer.groups, plan.align)};
  if (layer.merge == kMergeLeastSquares) {
    pruned.experts = with_fitted_down(std::move(pruned.experts), model, layer, experts, summary);
  }

  const Tensor router = model::stored_tensor(model.checkpoint, model::fill_name(model.layout.router, layer.layer));
  const Tensor router_ED = router.to(at::kFloat);
  const RouterInput input{router_ED, layer.groups, summary, plan.ridge, plan.seed};
  const RouterRule& rule = find_router_rule(layer.router);
  pruned.router = rule.rows(input).to(router.scalar_type());
  if (rule.in_memory_only) pruned.expert_of_row = expert_of_every_row(layer.groups);
  const std::string& bias = model.family->names.correction_bias;
  if (!bias.empty()) {  // it steers the choice by load, which says nothing of a group: each keeps its anchor's
    const Tensor stored = model::stored_tensor(model.checkpoint, model::fill_name(bias, layer.layer));
    const RouterInput biases{stored, layer.groups, summary, plan.ridge, plan.seed};
    pruned.correction_bias = rule.in_memory_only ? every_row(biases) : anchor_rows(biases);
  }
  return pruned;
}

}  // namespace uncurl::prune
