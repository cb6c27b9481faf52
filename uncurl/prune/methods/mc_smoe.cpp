// M-SMoE, the merging half of MC-SMoE: dominant experts are those chosen most often, counted over all layers at once,
// so that a layer keeps more of them where use is even and fewer where a few experts do the work. Every other expert
// joins the dominant one of its layer whose router logits are nearest.
//
// Li et al. 2024, arXiv 2310.01334, section 3.2; the global threshold as in its code, which forces the most used expert
// of each layer. We force as many as a layer needs: top_k, and enough for protected experts and size limits. With one
// number of experts for all layers this is frequency-merge. The low-rank compression that follows it there is left out.
#include <ATen/ATen.h>

#include <algorithm>

#include "uncurl/base/error.h"
#include "uncurl/prune/methods/frequency_merge.h"
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {
namespace {

/// The fewest groups that can take all experts of a layer.
std::int64_t fewest_groups(const MethodInput& input, const LayerSummary& layer) {
  const auto num_protected = static_cast<std::int64_t>(protected_experts(input, layer).size());
  const std::int64_t free = layer.num_experts() - num_protected;
  const std::int64_t limit = input.options.clustering.max_cluster_size;
  const std::int64_t merged = limit > 0 ? (free + limit - 1) / limit : std::min<std::int64_t>(free, 1);
  return std::max(input.model.config.routing.top_k, num_protected + merged);
}

/// One more dominant expert for a layer that already has `rank` of them.
struct Candidate {
  bool forced;
  double share;  ///< of the layer's choices
  std::size_t layer;
};

/// Experts of a layer by descending share.
std::vector<Candidate> candidates_of(const MethodInput& input, std::size_t index) {
  const LayerSummary& layer = input.layers[index];
  std::vector<double> shares = plain(layer.sums.count / layer.sums.count.sum());
  std::sort(shares.begin(), shares.end(), std::greater<>());
  const std::int64_t forced = fewest_groups(input, layer);
  std::vector<Candidate> candidates;
  for (const double share : shares) {
    candidates.push_back({static_cast<std::int64_t>(candidates.size()) < forced, share, index});
  }
  return candidates;
}

/// How many dominant experts each layer has, G times the number of layers altogether. Ties: the earlier layer.
std::vector<std::int64_t> dominant_counts(const MethodInput& input) {
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < input.layers.size(); ++i) {
    const std::vector<Candidate> own = candidates_of(input, i);
    candidates.insert(candidates.end(), own.begin(), own.end());
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return a.forced != b.forced ? a.forced : a.share > b.share;
  });
  std::vector<std::int64_t> counts(input.layers.size(), 0);
  const std::size_t budget = static_cast<std::size_t>(input.num_experts_after) * input.layers.size();
  for (std::size_t c = 0; c < std::min(budget, candidates.size()); ++c) ++counts[candidates[c].layer];
  return counts;
}

}  // namespace

std::vector<Groups> plan_mc_smoe(const MethodInput& input) {
  std::vector<std::int64_t> counts(input.layers.size(), input.num_experts_after);
  if (input.allow_mixed_counts) {
    counts = dominant_counts(input);
    const auto [fewest, most] = std::minmax_element(counts.begin(), counts.end());
    input.listener.note(
        concat("mc-smoe: layers keep ", *fewest, " to ", *most, " experts, ", input.num_experts_after, " on average"));
  } else {
    input.listener.note(concat("mc-smoe finds its dominant experts over all layers; with the same number in each, ",
                               input.num_experts_after,
                               ", it is frequency-merge. --allow-mixed-counts lets layers differ"));
  }
  std::vector<Groups> plans;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    MethodInput own = input;
    own.num_experts_after = counts[i];
    plans.push_back(in_order(join_most_used(own, input.layers[i])));
  }
  return plans;
}

}  // namespace uncurl::prune
