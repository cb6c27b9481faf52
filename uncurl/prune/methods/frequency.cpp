// Frequency pruning, the paper's baseline: the experts that top-k routing chose most often stay. The soft form sums
// gates instead of counting (SEER-MoE's heavy-hitter counting).
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {

std::vector<Groups> plan_frequency(const MethodInput& input) {
  return plan_each_layer(
      input, [&](const LayerSummary& layer) { return keep_highest(plain(layer.sums.count), input, layer); });
}

std::vector<Groups> plan_soft_frequency(const MethodInput& input) {
  return plan_each_layer(
      input, [&](const LayerSummary& layer) { return keep_highest(plain(layer.sums.gate_sum), input, layer); });
}

}  // namespace uncurl::prune
