// REAP and its relative without gates. REAP's score is a mean over the tokens an expert was chosen for, so a rare
// expert whose outputs are strong stays; an expert that was never chosen scores zero.
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {

std::vector<Groups> plan_reap(const MethodInput& input) {
  return plan_each_layer(input, [&](const LayerSummary& layer) {
    const ExpertSums& sums = layer.sums;
    const at::Tensor& total = input.options.renormalize_gates ? sums.renormalized_gate_norm_sum : sums.gate_norm_sum;
    return keep_highest(mean_by_use(total, layer), input, layer);
  });
}

std::vector<Groups> plan_ean(const MethodInput& input) {
  return plan_each_layer(
      input, [&](const LayerSummary& layer) { return keep_highest(plain(layer.sums.norm_sum), input, layer); });
}

}  // namespace uncurl::prune
