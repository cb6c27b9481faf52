// MergeMoE: the G most used experts are centres, every other expert joins the centre whose up and gate weights are
// nearest. What becomes of a group is the plan's merge `least-squares`: the down projection is fitted on sampled
// inputs, see least_squares.h.
//
// MergeMoE, 2025, arXiv 2510.14436.
#include <ATen/ATen.h>

#include "uncurl/prune/methods/frequency_merge.h"
#include "uncurl/prune/methods/table.h"
#include "uncurl/tensor/threads.h"

namespace uncurl::prune {
namespace {

constexpr std::int64_t kRows = 32;  // hidden neurons of all experts that lie in memory as fp64 together

/// Minus the squared distance [E,E] fp64 between experts' up and gate weights. From inner products, so that experts at
/// a relative distance below 1e-7 count as equal. Cost 2 E^2 2FD on one thread, memory 64 E D fp64.
Tensor weight_affinity(const std::vector<Expert>& experts) {
  const SingleThread single;
  const auto num_experts = static_cast<std::int64_t>(experts.size());
  Tensor gram_EE = at::zeros({num_experts, num_experts}, at::kDouble);
  const std::int64_t num_neurons = experts.front().gate.size(0);
  for (std::int64_t first = 0; first < num_neurons; first += kRows) {
    const std::int64_t rows = std::min(kRows, num_neurons - first);
    std::vector<Tensor> parts;
    for (const Expert& expert : experts) {
      parts.push_back(at::cat({expert.gate.narrow(0, first, rows), expert.up.narrow(0, first, rows)}).reshape({-1}));
    }
    const Tensor part_EP = at::stack(parts).to(at::kDouble);
    gram_EE.addmm_(part_EP, part_EP.t());
  }
  const Tensor square_E = gram_EE.diagonal();
  return 2 * gram_EE - square_E.unsqueeze(0) - square_E.unsqueeze(1);
}

}  // namespace

std::vector<Groups> plan_mergemoe(const MethodInput& input) {
  return plan_each_layer(input, [&](const LayerSummary& layer) {
    return join_most_used(input, layer,
                          [&] { return weight_affinity(model::stored_experts(input.model, layer.layer)); });
  });
}

}  // namespace uncurl::prune
