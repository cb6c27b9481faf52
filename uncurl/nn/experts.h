// The routed experts of a layer: every token through its top_k experts, weighted by their gates.
#pragma once

#include <vector>

#include "uncurl/kernels/expert.h"
#include "uncurl/nn/implementation.h"

namespace uncurl::nn {

using at::Tensor;

struct ExpertsOutput {
  Tensor out_ND;
  Tensor norms_NK;  ///< fp32, |f_j(x)| of each chosen expert before its gate; undefined unless asked for
};

/// @param x_ND     [N,D], dtype of the weights
/// @param ids_NK   [N,K] int64; the same expert may stand twice in a row: it counts with both gates
/// @param gates_NK [N,K]; in the dtype of x the gated rows are rounded to it, in fp32 they are not, as in transformers
/// Gated rows are summed in fp32 in slot order, as transformers' grouped_mm does.
ExpertsOutput experts(const Tensor& x_ND, const std::vector<Expert>& experts, const Tensor& ids_NK,
                      const Tensor& gates_NK, bool want_norms,
                      Implementation implementation = Implementation::kFastest);

/// A dense or shared MLP for all tokens, in blocks of rows as the routed experts are. The reason is not speed:
/// libtorch's silu rounds the last elements of each thread's share differently, so the number of threads would show in
/// the bits.
Tensor dense_mlp(const Tensor& x_ND, const Expert& mlp);

/// The hidden activations of one expert, in plain differentiable operations on any device: silu(gate x) * (up x), or
/// gelu(up x + up_bias) without a gate. @return [N,F]
Tensor expert_hidden(const Tensor& x_ND, const Expert& expert);

/// What it answers: down of these, with the bias if there is one. @return [N,D]
Tensor expert_output(const Tensor& x_ND, const Expert& expert);

}  // namespace uncurl::nn
