#include "uncurl/prune/merge.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <omp.h>

#include <algorithm>
#include <exception>

#include "uncurl/prune/align.h"
#include "uncurl/prune/routers/table.h"

namespace uncurl::prune {
namespace {

Expert to_float(const Expert& expert) {
  return {expert.gate.to(at::kFloat), expert.up.to(at::kFloat), expert.down.to(at::kFloat)};
}

Expert rounded_like(const Expert& expert, const Expert& stored) {
  return {expert.gate.to(stored.gate.scalar_type()), expert.up.to(stored.up.scalar_type()),
          expert.down.to(stored.down.scalar_type())};
}

void add_(Expert& sum, const Expert& expert, double weight) {
  sum.gate.add_(expert.gate, weight);
  sum.up.add_(expert.up, weight);
  sum.down.add_(expert.down, weight);
}

/// Members [first, last) of the group in fp32, aligned to the anchor, one per thread.
std::vector<Expert> align_members(const std::vector<Expert>& experts, const ExpertGroup& group, const Expert& anchor,
                                  std::size_t first, std::size_t last, const AlignOptions& options) {
  std::vector<Expert> aligned(last - first);
  std::exception_ptr failure;
#pragma omp parallel for schedule(dynamic) num_threads(static_cast <int>(last - first))
  for (std::size_t i = first; i < last; ++i) {
    const int threads_before = omp_get_max_threads();
    omp_set_num_threads(1);
    try {
      const c10::InferenceMode inference;
      const int member = group.members[i];
      if (member == group.anchor) {
        aligned[i - first] = anchor;
      } else {
        const Expert other = to_float(experts[static_cast<std::size_t>(member)]);
        aligned[i - first] = align_to(anchor, options.rescale ? balanced(other) : other, options);
      }
    } catch (...) {
#pragma omp critical
      failure = std::current_exception();
    }
    omp_set_num_threads(threads_before);
  }
  if (failure) std::rethrow_exception(failure);
  return aligned;
}

Expert average(const std::vector<Expert>& experts, const ExpertGroup& group, const AlignOptions& options) {
  const Expert stored = to_float(experts[static_cast<std::size_t>(group.anchor)]);
  const Expert anchor = options.rescale ? balanced(stored) : stored;
  Expert sum{at::zeros_like(anchor.gate), at::zeros_like(anchor.up), at::zeros_like(anchor.down)};
  const auto batch = static_cast<std::size_t>(at::get_num_threads());
  for (std::size_t first = 0; first < group.members.size(); first += batch) {
    const std::size_t last = std::min(first + batch, group.members.size());
    const std::vector<Expert> aligned = align_members(experts, group, anchor, first, last, options);
    for (std::size_t i = first; i < last; ++i) add_(sum, aligned[i - first], group.weights[i]);
  }
  return sum;
}

}  // namespace

Expert merge_group(const std::vector<Expert>& experts, const ExpertGroup& group, const AlignOptions& options) {
  const c10::InferenceMode inference;
  const Expert& stored = experts[static_cast<std::size_t>(group.anchor)];
  if (group.is_single() && group.scale == 1.0) return stored;
  Expert merged = group.is_single() ? to_float(stored) : average(experts, group, options);
  if (group.scale != 1.0) merged.down = merged.down * group.scale;
  return rounded_like(merged, stored);
}

PrunedLayer prune_layer(const model::Model& model, const Plan& plan, const LayerPlan& layer,
                        const LayerSummary& summary) {
  const c10::InferenceMode inference;
  const std::vector<Expert> experts = model::stored_experts(model, layer.layer);
  PrunedLayer pruned;
  for (const ExpertGroup& group : layer.groups) pruned.experts.push_back(merge_group(experts, group, plan.align));

  const Tensor router = model::stored_tensor(model.checkpoint, model::fill_name(model.layout.router, layer.layer));
  const Tensor router_ED = router.to(at::kFloat);
  const RouterInput input{router_ED, layer.groups, summary, plan.ridge, plan.seed};
  pruned.router = find_router_rule(layer.router).rows(input).to(router.scalar_type());
  const std::string& bias = model.family->names.correction_bias;
  if (!bias.empty()) {  // it steers the choice by load, which says nothing of a group: each keeps its anchor's
    const Tensor stored = model::stored_tensor(model.checkpoint, model::fill_name(bias, layer.layer));
    pruned.correction_bias = anchor_rows({stored, layer.groups, summary, plan.ridge, plan.seed});
  }
  return pruned;
}

}  // namespace uncurl::prune
