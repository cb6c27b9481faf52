// EASY-EP: gate times output norm, summed over the tokens of an expert, each token weighted by how far its routed
// experts turn the residual stream: max(0, 1 - cos(u, u + r)). Dong et al. 2025, arXiv 2504.06792; the stream and the
// sum as in its code. For several domains the paper adds scores that are normalised by domain; here sources mix as in
// every sum.
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {

std::vector<Groups> plan_easy_ep(const MethodInput& input) {
  return plan_each_layer(input, [&](const LayerSummary& layer) {
    return keep_highest(plain(layer.sums.change_gate_norm_sum), input, layer);
  });
}

}  // namespace uncurl::prune
