// The control: experts drawn at random, by seed and layer. A method that does not beat it has learnt nothing.
#include "uncurl/base/random.h"
#include "uncurl/base/hash.h"
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {

std::vector<Groups> plan_random(const MethodInput& input) {
  return plan_each_layer(input, [&](const LayerSummary& layer) {
    Rng rng(hash64(input.seed, static_cast<std::uint64_t>(layer.layer)));
    std::vector<double> scores(static_cast<std::size_t>(layer.num_experts()));
    for (double& score : scores) score = rng.uniform();
    return keep_highest(scores, input, layer);
  });
}

}  // namespace uncurl::prune
