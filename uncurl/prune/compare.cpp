#include "uncurl/prune/compare.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "uncurl/base/error.h"
#include "uncurl/base/join.h"
#include "uncurl/cluster/scaling.h"
#include "uncurl/kernels/parallel_tasks.h"
#include "uncurl/prune/kept_tokens.h"
#include "uncurl/tensor/row_sums.h"
#include "uncurl/tensor/threads.h"

namespace uncurl::prune {
namespace {

constexpr std::int64_t kNeurons = 32;  // of all experts that lie in memory as fp64 together, a thread

Vectors vectors_of(const Tensor& rows_EP) {
  const SingleThread single;
  return {rows_EP.mm(rows_EP.t()), rows_EP.sum(/*dim=*/1), static_cast<double>(rows_EP.size(1))};
}

Vectors router_logits(const MethodInput&, const LayerSummary& layer) {
  return {layer.sums.gram, layer.sums.logit_sum, layer.sums.num_tokens};
}

Vectors router_rows(const MethodInput& input, const LayerSummary& layer) {
  const std::string name = model::fill_name(input.model.layout.router, layer.layer);
  return vectors_of(model::stored_tensor(input.model.checkpoint, name).to(at::kDouble));
}

/// The mean over all kept tokens, chosen or not: HC-SMoE, Chen et al. 2024, arXiv 2410.08589, section 3.2.
Vectors expert_outputs(const MethodInput& input, const LayerSummary& layer) {
  const KeptTokens tokens = kept_tokens(layer);
  const Tensor shares_m = tokens.weights_m / sum_of_rows(tokens.weights_m.unsqueeze(0));
  const Tensor weights_mE = shares_m.unsqueeze(1).expand({-1, layer.num_experts()});
  return vectors_of(weighted_outputs(tokens, weights_mE, model::stored_experts(input.model, layer.layer)));
}

using Parts = std::vector<Tensor>;

/// What enters some neurons of an expert; the bias stands for a gate that is not there.
Parts gate_and_up(const Expert& expert, std::int64_t first, std::int64_t count) {
  const Tensor& gate = expert.gate.defined() ? expert.gate : expert.up_bias;
  return {gate.narrow(0, first, count).reshape({-1}), expert.up.narrow(0, first, count).reshape({-1})};
}

/// All weights of these neurons. The outer bias belongs to none.
Parts all_weights(const Expert& expert, std::int64_t first, std::int64_t count) {
  Parts parts = gate_and_up(expert, first, count);
  parts.push_back(expert.down.narrow(1, first, count).t().reshape({-1}));
  return parts;
}

/// From blocks of neurons, a block a thread, summed in their order. Cost 2 E^2 P; memory per thread E times the weights
/// of 32 neurons in fp64.
Vectors weight_vectors(const MethodInput& input, const LayerSummary& layer,
                       Parts (*parts)(const Expert& expert, std::int64_t first, std::int64_t count)) {
  const std::vector<Expert> experts = model::stored_experts(input.model, layer.layer);
  const std::int64_t width = experts.front().up.size(0);
  std::vector<Vectors> blocks(static_cast<std::size_t>((width + kNeurons - 1) / kNeurons));
  kernels::run_tasks(blocks.size(), [&] {
    return [&](std::size_t block) {
      const std::int64_t first = static_cast<std::int64_t>(block) * kNeurons;
      std::vector<Tensor> rows;
      for (const Expert& expert : experts) {
        rows.push_back(at::cat(parts(expert, first, std::min(kNeurons, width - first))));
      }
      const Tensor rows_EP = at::stack(rows).to(at::kDouble);
      blocks[block] = {rows_EP.mm(rows_EP.t()), rows_EP.sum(/*dim=*/1), static_cast<double>(rows_EP.size(1))};
    };
  });
  Vectors sum = blocks.front();
  for (std::size_t block = 1; block < blocks.size(); ++block) {
    sum.gram_EE = sum.gram_EE + blocks[block].gram_EE;
    sum.sums_E = sum.sums_E + blocks[block].sums_E;
    sum.length += blocks[block].length;
  }
  return sum;
}

Vectors weights(const MethodInput& input, const LayerSummary& layer) {
  return weight_vectors(input, layer, all_weights);
}

Vectors gate_up_weights(const MethodInput& input, const LayerSummary& layer) {
  return weight_vectors(input, layer, gate_and_up);
}

}  // namespace

const std::vector<Comparison>& comparisons() {
  static const std::vector<Comparison> table = {
      {"router-logits", "the router's logits over all observed tokens", false, true, router_logits},
      {"router-rows", "the rows of the router", false, false, router_rows},
      {"expert-outputs", "the mean output over the inputs that were kept", true, false, expert_outputs},
      {"weights", "all weights, in the order they are stored in", false, false, weights},
      {"gate-up", "the weights of gate and up (of up and its bias where there is no gate)", false, false,
       gate_up_weights},
  };
  return table;
}

const Comparison& find_comparison(const std::string& name) {
  for (const Comparison& comparison : comparisons()) {
    if (name == comparison.name) return comparison;
  }
  throw UsageError(concat("there is nothing to compare by the name '", name, "'; there is ",
                          join_names(comparisons(), &Comparison::name)));
}

Tensor affinity_of(const Vectors& vectors, const cluster::AffinityOptions& options, const LayerSummary& layer) {
  return with_context(concat("layer ", layer.layer), [&] {
    return cluster::router_affinity(vectors.gram_EE, vectors.sums_E, vectors.length, options);
  });
}

Tensor nearness(const Comparison& comparison, const MethodInput& input, const LayerSummary& layer) {
  const Vectors vectors = comparison.vectors(input, layer);
  if (comparison.by_direction) return affinity_of(vectors, input.options.affinity, layer);
  const Tensor square_E = vectors.gram_EE.diagonal();
  return 2 * vectors.gram_EE - square_E.unsqueeze(0) - square_E.unsqueeze(1);
}

cluster::Items items_to_cluster(const Comparison& comparison, bool uses_affinity, const MethodInput& input,
                                const LayerSummary& layer) {
  const Vectors vectors = comparison.vectors(input, layer);
  if (uses_affinity) return {.points = {}, .affinity = affinity_of(vectors, input.options.affinity, layer)};
  if (!comparison.by_direction) return {.points = cluster::points_of_gram(vectors.gram_EE), .affinity = {}};
  // Of unit vectors with cosines S the inner products are S, and 1 + S gives the same distances.
  const Tensor affinity = affinity_of(vectors, {.centering = input.options.affinity.centering}, layer);
  return {.points = cluster::points_of_gram(2 * affinity), .affinity = {}};
}

}  // namespace uncurl::prune
