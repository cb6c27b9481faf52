// The plan's merge `least-squares`: the down projection of a merged expert, fitted so that the expert answers to the
// sampled inputs as its members would on average. Gate and up stay the weighted average that merge.h makes.
// MergeMoE, 2025, arXiv 2510.14436. docs/method.md section 4.
#pragma once

#include <vector>

#include "uncurl/model/model.h"
#include "uncurl/prune/plan.h"
#include "uncurl/prune/stats.h"

namespace uncurl::prune {

/// What pulls the fit towards the average, as a share of the mean square of a hidden activation summed over the
/// tokens. It decides where fewer tokens than hidden neurons reach a group and the system is singular.
inline constexpr double kLeastSquaresRidge = 1e-2;

/// The down matrix [D,F] fp64 that minimises sum_x w |down h(x) - y(x)|^2 + r |down - average|^2, with
/// r = ridge/F sum_x w |h(x)|^2. The average itself where h is zero for all tokens.
/// @param hidden_NF, target_ND, weights_N, average_DF  fp64
/// Cost O(N F min(N,F) + min(N,F)^3 + N D F): the smaller of the two equal systems is solved.
Tensor fit_down(const Tensor& hidden_NF, const Tensor& target_ND, const Tensor& weights_N, const Tensor& average_DF,
                double ridge);

/// `merged`, each group of several members with its down projection fitted on the sampled tokens that the original
/// sends to any of the members. The target is sum_e p_e f_e(x) over the members, p the group's weights, times the
/// group's scale. A group that no sampled token reaches keeps the average.
/// @param merged  by group, as merge_groups returns them
/// @throws Error naming the layer if the summary holds no inputs
/// Groups are fitted in parallel, one thread each; the number of threads changes no bit. Cost: for each group of s
/// members that n tokens reach, n s outputs of an expert and one fit; n s adds up to E m at most. Memory: per thread
/// n (F + D) + min(n,F)^2 + 3 F D numbers of fp64.
std::vector<Expert> with_fitted_down(std::vector<Expert> merged, const model::Model& model, const LayerPlan& layer,
                                     const std::vector<Expert>& experts, const LayerSummary& summary);

}  // namespace uncurl::prune
