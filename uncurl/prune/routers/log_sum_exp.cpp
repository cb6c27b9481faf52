// A softmax router gives a group of experts the mass exp(log sum_i exp(h_i)), i over its members. That is no linear
// function of the input, but the combination of the old rows nearest to it is a row. docs/method.md section 5:
//   minimise over a   sum_x omega_x (h(x)^T a - t_d(x))^2 + lambda |a - w_d|^2,   t_d(x) = log sum_{i in C_d} exp
//   h_i(x)
// on the sampled logits, shrunk towards the frequency-weighted mean w_d. Groups of one keep their row.
#include <ATen/ATen.h>

#include "uncurl/base/error.h"
#include "uncurl/prune/routers/table.h"
#include "uncurl/tensor/threads.h"

namespace uncurl::prune {
namespace {

/// [n,G] fp64 log-sum-exp of each group's logits.
at::Tensor targets(const at::Tensor& logits_nE, const Groups& groups) {
  std::vector<at::Tensor> columns;
  for (const ExpertGroup& group : groups) {
    const std::vector<std::int64_t> members(group.members.begin(), group.members.end());
    columns.push_back(at::logsumexp(logits_nE.index_select(1, at::tensor(members, at::kLong)), /*dim=*/{1}));
  }
  return at::stack(columns, /*dim=*/1);
}

}  // namespace

at::Tensor log_sum_exp_rows(const RouterInput& input) {
  const SingleThread single;
  const at::Tensor logits_nE = input.layer.sample_logits.to(at::kDouble);
  check(logits_nE.size(0) > 0, "layer ", input.layer.layer,
        ": the statistics hold no sampled logits, which the router rule lse is fitted on");
  const std::int64_t num_experts = logits_nE.size(1);
  const at::Tensor weighted_nE = logits_nE * input.layer.sample_weights.unsqueeze(1);
  const at::Tensor gram_EE = weighted_nE.t().mm(logits_nE);
  const double lambda = input.ridge * gram_EE.trace().item<double>() / static_cast<double>(num_experts);
  const at::Tensor start_EG = membership_weights(input.groups, num_experts).t();
  const at::Tensor residual_nG = targets(logits_nE, input.groups) - logits_nE.mm(start_EG);
  const at::Tensor system_EE = gram_EE + lambda * at::eye(num_experts, gram_EE.options());
  const at::Tensor step_EG = at::linalg_solve(system_EE, weighted_nE.t().mm(residual_nG));
  at::Tensor rows_GD = (start_EG + step_EG).t().mm(input.router_ED.to(at::kDouble)).to(at::kFloat);
  keep_single_rows_(rows_GD, input);
  return rows_GD;
}

}  // namespace uncurl::prune
