// MAN and MSAN: the mean norm of an expert's outputs, or its square, over the tokens it was chosen for, without gates.
// The paper recommends them where no task is known, and sums with gates (frequency, ean, reap) where one is.
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {

std::vector<Groups> plan_man(const MethodInput& input) {
  return plan_each_layer(input, [&](const LayerSummary& layer) {
    return keep_highest(mean_by_use(layer.sums.norm_sum, layer), input, layer);
  });
}

std::vector<Groups> plan_msan(const MethodInput& input) {
  return plan_each_layer(input, [&](const LayerSummary& layer) {
    return keep_highest(mean_by_use(layer.sums.norm_square_sum, layer), input, layer);
  });
}

}  // namespace uncurl::prune
