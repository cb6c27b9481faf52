#include "uncurl/nn/router.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "uncurl/base/error.h"

namespace uncurl::nn {
namespace {

/// Experts outside the best groups get -inf (0 would still win over a negative biased score).
Tensor mask_groups(const Tensor& choice_NE, const RoutingRule& rule) {
  const std::int64_t tokens = choice_NE.size(0), per_group = choice_NE.size(1) / rule.num_groups;
  check(rule.num_groups * per_group == choice_NE.size(1) && rule.top_k <= rule.top_groups * per_group,
        "the router "
        "chooses ",
        rule.top_k, " experts from ", rule.top_groups, " of ", rule.num_groups, " groups of ", choice_NE.size(1),
        " experts; expected equal groups that hold that many");
  const Tensor grouped = choice_NE.view({tokens, rule.num_groups, per_group});
  const Tensor group_scores = rule.group_score == GroupScore::kMaximum
                                  ? grouped.amax(-1)
                                  : std::get<0>(grouped.topk(std::min<std::int64_t>(2, per_group), /*dim=*/-1)).sum(-1);
  const Tensor best = std::get<1>(group_scores.topk(rule.top_groups, /*dim=*/-1));
  const Tensor keep = at::zeros_like(group_scores, at::kBool).scatter_(1, best, true);
  const Tensor masked = grouped.masked_fill(keep.unsqueeze(-1).logical_not(), -std::numeric_limits<float>::infinity());
  return masked.view({tokens, choice_NE.size(1)});
}

}  // namespace

Routing route(const Tensor& logits_NE, const RoutingRule& rule, const Tensor& correction_bias) {
  const Tensor scores_NE = rule.score == ScoreFunction::kSoftmax ? at::softmax(logits_NE, /*dim=*/-1, at::kFloat)
                                                                 : at::sigmoid(logits_NE.to(at::kFloat));
  Tensor choice_NE = correction_bias.defined() ? scores_NE + correction_bias : scores_NE;
  if (rule.num_groups > 1) choice_NE = mask_groups(choice_NE, rule);
  const Tensor ids_NK = std::get<1>(choice_NE.topk(rule.top_k, /*dim=*/-1));
  Tensor gates_NK = scores_NE.gather(1, ids_NK);
  if (rule.renormalize) {
    // Sigmoids may all be 0 (softmax over few enough experts never is); DeepSeek-V3 adds as much.
    constexpr double kTiny = 1e-20;
    const Tensor sum = gates_NK.sum(-1, /*keepdim=*/true);
    gates_NK = gates_NK / (rule.score == ScoreFunction::kSigmoid ? sum + kTiny : sum);
  }
  if (rule.gate_scale != 1.0) gates_NK = gates_NK * rule.gate_scale;
  if (rule.gates_in_model_dtype) gates_NK = gates_NK.to(logits_NE.scalar_type());
  return {ids_NK, gates_NK, scores_NE};
}

}  // namespace uncurl::nn
