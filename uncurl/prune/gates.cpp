#include "uncurl/prune/gates.h"

#include <ATen/ATen.h>

#include "uncurl/prune/method.h"
#include "uncurl/tensor/threads.h"

namespace uncurl::prune {
namespace {

/// Scores [n,G] fp64 of the kept experts in the full softmax of the sampled tokens.
Tensor kept_scores(const LayerSummary& layer, const Groups& groups) {
  std::vector<std::int64_t> kept;
  for (const ExpertGroup& group : groups) kept.push_back(group.anchor);
  return at::softmax(layer.sample_logits, /*dim=*/-1, at::kDouble).index_select(1, at::tensor(kept, at::kLong));
}

}  // namespace

bool gates_rise(const nn::RoutingRule& rule) { return rule.score == nn::ScoreFunction::kSoftmax && !rule.renormalize; }

double mean_gate_rise(const LayerSummary& layer, const Groups& groups) {
  const SingleThread single;
  const Tensor rise_n = kept_scores(layer, groups).sum(1).reciprocal();
  return (rise_n * layer.sample_weights).sum().item<double>() / layer.sample_weights.sum().item<double>();
}

void compensate_(Groups& groups, const LayerSummary& layer, std::int64_t top_k) {
  const SingleThread single;
  const Tensor old_nG = kept_scores(layer, groups);
  const Tensor new_nG = old_nG / old_nG.sum(1, /*keepdim=*/true);
  const Tensor chosen = std::get<1>(old_nG.topk(top_k, /*dim=*/-1));
  const Tensor weights_nG = at::zeros_like(old_nG).scatter(1, chosen, 1.0) * layer.sample_weights.unsqueeze(1);
  const Tensor fit_G = (weights_nG * old_nG * new_nG).sum(0), norm_G = (weights_nG * new_nG * new_nG).sum(0);
  const double layer_scale = fit_G.sum().item<double>() / norm_G.sum().item<double>();
  const std::vector<double> fits = plain(fit_G), norms = plain(norm_G);
  for (std::size_t g = 0; g < groups.size(); ++g) groups[g].scale = norms[g] > 0 ? fits[g] / norms[g] : layer_scale;
}

}  // namespace uncurl::prune
