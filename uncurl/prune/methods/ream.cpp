// REAM: the G experts of the highest REAP score are centroids; in that order each takes the experts most similar to it,
// up to a size, so that few groups are large and most are of one. Members are aligned by what their neurons answer as
// well as by their weights, and weigh as much as their scores; the centroid's router row stays.
//
// Jha et al. 2026, arXiv 2604.04356. docs/method.md section 3 has the similarity and what differs from the authors'
// code.
#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

#include "uncurl/prune/grouping.h"
#include "uncurl/prune/kept_tokens.h"
#include "uncurl/prune/methods/table.h"
#include "uncurl/tensor/threads.h"

namespace uncurl::prune {
namespace {

constexpr std::int64_t kGroupSize = 16;  // the paper's C

Tensor cosines(const Tensor& gram_EE) {
  const Tensor norms_E = gram_EE.diagonal().sqrt().clamp_min(1e-300);
  return (gram_EE / norms_E.unsqueeze(0) / norms_E.unsqueeze(1)).clamp(-1, 1);
}

/// Anchor: the highest score (ties: the lowest number). Weights: shares of the scores, equal if all are 0.
ExpertGroup salient_group(std::vector<int> members, const std::vector<double>& saliency) {
  std::sort(members.begin(), members.end());
  ExpertGroup group{.members = members, .anchor = members.front()};
  double total = 0;
  for (const int member : members) {
    const double score = saliency[static_cast<std::size_t>(member)];
    if (score > saliency[static_cast<std::size_t>(group.anchor)]) group.anchor = member;
    total += score;
  }
  for (const int member : members) {
    group.weights.push_back(total > 0 ? saliency[static_cast<std::size_t>(member)] / total
                                      : 1.0 / static_cast<double>(members.size()));
  }
  return group;
}

/// No more than the user allows, else the paper's 16 or as many as it takes to place all.
std::size_t size_limit(const MethodInput& input, std::size_t free, std::size_t groups) {
  const std::int64_t chosen = input.options.clustering.max_cluster_size;
  const auto needed = static_cast<std::int64_t>((free + groups - 1) / groups);
  return static_cast<std::size_t>(chosen > 0 ? chosen : std::max(kGroupSize, needed));
}

/// The paper's groups around centroids.
std::vector<std::vector<int>> around_centroids(const MethodInput& input, const LayerSummary& layer,
                                               const std::vector<double>& saliency) {
  const std::vector<int> protect = protected_experts(input, layer);
  std::vector<std::vector<int>> groups;
  std::vector<bool> placed(saliency.size(), false);
  for (const ExpertGroup& centroid : keep_highest(saliency, input, layer)) {  // protected ones first
    groups.push_back({centroid.anchor});
    placed[static_cast<std::size_t>(centroid.anchor)] = true;
  }
  if (groups.size() == saliency.size()) return groups;
  const Tensor similarity_EE = nearness_of(kReamGrouping, input, layer);
  const std::size_t limit = size_limit(input, saliency.size() - protect.size(), groups.size() - protect.size());
  for (std::size_t g = protect.size(); g < groups.size(); ++g) {
    const std::vector<double> similarity = plain(similarity_EE[groups[g].front()]);
    std::vector<int> candidates;
    for (int e = 0; e < layer.num_experts(); ++e) {
      if (!placed[static_cast<std::size_t>(e)]) candidates.push_back(e);
    }
    std::stable_sort(candidates.begin(), candidates.end(), [&](int a, int b) {
      return similarity[static_cast<std::size_t>(a)] > similarity[static_cast<std::size_t>(b)];
    });
    for (const int expert : candidates) {
      if (groups[g].size() == limit) break;
      groups[g].push_back(expert);
      placed[static_cast<std::size_t>(expert)] = true;
    }
  }
  return groups;
}

Groups group_layer(const MethodInput& input, const LayerSummary& layer) {
  const std::vector<double> saliency = mean_by_use(layer.sums.gate_norm_sum, layer);
  std::vector<std::vector<int>> clusters = clustering_of(kReamGrouping, input.options) == nullptr
                                               ? around_centroids(input, layer, saliency)
                                               : clustered(input, layer, kReamGrouping);
  Groups groups;
  for (std::vector<int>& members : clusters) {
    groups.push_back(salient_group(std::move(members), saliency));
  }
  return groups;
}

}  // namespace

// The mean of two similarities in [0,1]: of logit columns, by the distance of their unit vectors as a share of the
// greatest, and of mean outputs weighted by the router's scores, by (1 + cosine) / 2.
Tensor ream_similarity(const MethodInput& input, const LayerSummary& layer) {
  const KeptTokens tokens = kept_tokens(layer);
  std::vector<std::int64_t> all(static_cast<std::size_t>(layer.num_experts()));
  std::iota(all.begin(), all.end(), 0);
  const Tensor scores_mE = route_among(all, tokens, input.model, layer.layer).scores_NE.to(at::kDouble);
  const Tensor outputs_ED = weighted_outputs(tokens, scores_mE * tokens.weights_m.unsqueeze(1),
                                             model::stored_experts(input.model, layer.layer));
  const SingleThread single;
  const Tensor distances_EE = (2 - 2 * cosines(layer.sums.gram)).clamp_min(0).sqrt();
  const double greatest = distances_EE.max().item<double>();
  const Tensor by_logits = greatest > 0 ? 1 - distances_EE / greatest : at::ones_like(distances_EE);
  const Tensor by_outputs = (1 + cosines(outputs_ED.mm(outputs_ED.t()))) / 2;
  return (by_logits + by_outputs) / 2;
}

std::vector<Groups> plan_ream(const MethodInput& input) {
  return plan_each_layer(input, [&](const LayerSummary& layer) { return group_layer(input, layer); });
}

}  // namespace uncurl::prune
