#include "uncurl/prune/least_squares.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "uncurl/base/error.h"
#include "uncurl/kernels/parallel_tasks.h"
#include "uncurl/nn/experts.h"
#include "uncurl/nn/linear.h"
#include "uncurl/nn/router.h"
#include "uncurl/prune/plan_request.h"

namespace uncurl::prune {
namespace {

/// The sampled tokens whose inputs were kept.
struct SampledTokens {
  Tensor inputs_mD, weights_m;
  Tensor ids_mK;  ///< where the original sends them
};

SampledTokens sampled_tokens(const model::Model& model, const LayerSummary& summary) {
  check(summary.sample_inputs.defined(), "the statistics hold no inputs of layer ", summary.layer,
        ", on which merged experts are fitted; observe again with --keep-inputs ", kDefaultInputTokens);
  const std::int64_t m = summary.sample_inputs.size(0);
  const std::string& bias = model.family->names.correction_bias;
  Tensor correction;
  if (!bias.empty()) correction = model::stored_tensor(model.checkpoint, model::fill_name(bias, summary.layer));
  const Tensor logits_mE = summary.sample_logits.narrow(0, 0, m);
  return {summary.sample_inputs.to(at::kCPU), summary.sample_weights.narrow(0, 0, m),
          nn::route(logits_mE, model.config.routing, correction).ids_NK};
}

/// Indices of the tokens that reach a member of the group, ascending.
Tensor reached_by(const Tensor& ids_mK, const ExpertGroup& group) {
  Tensor reached_m = at::zeros({ids_mK.size(0)}, at::kBool);
  for (const int member : group.members) reached_m.logical_or_(ids_mK.eq(member).any(/*dim=*/1));
  return reached_m.nonzero().squeeze(1);
}

Expert in_fp32(const Expert& expert) {
  return model::with_each_tensor(expert, [](const Tensor& tensor) { return tensor.to(at::kFloat); });
}

/// sum_e p_e f_e(x), fp64, less the outer biases: their average is the merged expert's, so nothing is left to fit.
Tensor average_output(const Tensor& x_ND, const std::vector<Expert>& experts, const ExpertGroup& group) {
  Tensor sum_ND = at::zeros(x_ND.sizes(), at::kDouble);
  for (std::size_t i = 0; i < group.members.size(); ++i) {
    if (group.weights[i] == 0) continue;
    const Expert expert = in_fp32(experts[static_cast<std::size_t>(group.members[i])]);
    sum_ND.add_(nn::linear(nn::expert_hidden(x_ND, expert), expert.down), group.weights[i] * group.scale);
  }
  return sum_ND;
}

bool is_merged(const ExpertGroup& group) {
  for (std::size_t i = 0; i < group.members.size(); ++i) {
    if (group.members[i] != group.anchor && group.weights[i] > 0) return true;
  }
  return false;
}

Tensor fitted_down(const Expert& merged, const ExpertGroup& group, const std::vector<Expert>& experts,
                   const SampledTokens& tokens) {
  const Tensor reached = reached_by(tokens.ids_mK, group);
  if (reached.numel() == 0) return merged.down;
  const Tensor x_ND = tokens.inputs_mD.index_select(0, reached).to(at::kFloat);
  return fit_down(nn::expert_hidden(x_ND, in_fp32(merged)).to(at::kDouble), average_output(x_ND, experts, group),
                  tokens.weights_m.index_select(0, reached), merged.down.to(at::kDouble), kLeastSquaresRidge)
      .to(merged.down.scalar_type());
}

/// The solution of (a + ridge 1) x = b for a symmetric, positive semidefinite a.
Tensor solve_ridged(const Tensor& a, const Tensor& b, double ridge) {
  const Tensor ridged = a + ridge * at::eye(a.size(0), a.options());
  return at::cholesky_solve(b, at::linalg_cholesky(ridged));
}

}  // namespace

Tensor fit_down(const Tensor& hidden_NF, const Tensor& target_ND, const Tensor& weights_N, const Tensor& average_DF,
                double ridge) {
  const Tensor root_N1 = weights_N.sqrt().unsqueeze(1);
  const Tensor h_NF = hidden_NF * root_N1;
  const double square = h_NF.square().sum().item<double>();
  if (square == 0) return average_DF;
  const double r = ridge * square / static_cast<double>(h_NF.size(1));
  const Tensor rest_ND = (target_ND - at::linear(hidden_NF, average_DF)) * root_N1;  // what the average leaves to fit
  const Tensor change_FD = h_NF.size(0) < h_NF.size(1)
                               ? h_NF.t().matmul(solve_ridged(h_NF.matmul(h_NF.t()), rest_ND, r))
                               : solve_ridged(h_NF.t().matmul(h_NF), h_NF.t().matmul(rest_ND), r);
  return average_DF + change_FD.t();
}

std::vector<Expert> with_fitted_down(std::vector<Expert> merged, const model::Model& model, const LayerPlan& layer,
                                     const std::vector<Expert>& experts, const LayerSummary& summary) {
  const c10::InferenceMode inference;
  const SampledTokens tokens = sampled_tokens(model, summary);
  kernels::run_tasks(layer.groups.size(), [&] {
    return [&](std::size_t g) {
      if (is_merged(layer.groups[g])) merged[g].down = fitted_down(merged[g], layer.groups[g], experts, tokens);
    };
  });
  return merged;
}

}  // namespace uncurl::prune
