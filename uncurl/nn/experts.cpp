#include "uncurl/nn/experts.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/functions/utils.h>

#include "uncurl/kernels/differentiable.h"
#include "uncurl/kernels/expert_gradients.h"
#include "uncurl/kernels/gelu.h"
#include "uncurl/kernels/moe.h"
#include "uncurl/nn/linear.h"
#include "uncurl/tensor/autocast.h"

namespace uncurl::nn {
namespace {

/// Slots (token * K + choice) sorted by expert, stable, and where each expert's begin.
struct SortedSlots {
  Tensor order_S, inverse_S;  ///< order[i] is the slot at place i; inverse leads back
  std::vector<std::int64_t> counts_E;
};

SortedSlots sort_slots(const Tensor& ids_NK, std::size_t num_experts) {
  const Tensor flat = ids_NK.reshape({-1});
  const Tensor order = flat.argsort(/*stable=*/true, /*dim=*/0, /*descending=*/false);
  const Tensor counts = at::bincount(flat, /*weights=*/{}, static_cast<std::int64_t>(num_experts)).to(at::kCPU);
  const auto* const first = counts.const_data_ptr<std::int64_t>();
  return {order, order.argsort(), {first, first + counts.numel()}};
}

/// The outputs for rows that are sorted by expert, each expert's as one piece, so that the cost, backward included,
/// does not grow with the number of experts.
Tensor sorted_outputs(const Tensor& sorted_SD, const std::vector<Expert>& experts,
                      const std::vector<std::int64_t>& counts_E) {
  const std::vector<Tensor> inputs = sorted_SD.split_with_sizes(counts_E);
  std::vector<Tensor> outputs;
  for (std::size_t e = 0; e < experts.size(); ++e) {
    if (counts_E[e] > 0) outputs.push_back(expert_output(inputs[e], experts[e]));
  }
  return outputs.empty() ? sorted_SD : at::cat(outputs);
}

/// The oracle: plain differentiable operations, on any device.
ExpertsOutput experts_plain(const Tensor& x_ND, const std::vector<Expert>& experts, const Tensor& ids_NK,
                            const Tensor& gates_NK, bool want_norms) {
  const std::int64_t num_tokens = x_ND.size(0), width = x_ND.size(1), top_k = ids_NK.size(1);
  const SortedSlots slots = sort_slots(ids_NK, experts.size());
  const Tensor x_SD = x_ND.unsqueeze(1).expand({num_tokens, top_k, width}).reshape({-1, width});
  const Tensor sorted_SD = kernels::permute_rows(x_SD, slots.order_S, slots.inverse_S);
  const Tensor y_SD = sorted_outputs(sorted_SD, experts, slots.counts_E);
  const Tensor slots_NKD = kernels::permute_rows(y_SD, slots.inverse_S, slots.order_S).view({-1, top_k, width});
  const at::ScalarType sum_type = c10::promoteTypes(x_ND.scalar_type(), at::kFloat);
  const Tensor out_ND = (slots_NKD * gates_NK.unsqueeze(-1)).sum(1, /*keepdim=*/false, sum_type).to(x_ND.scalar_type());
  const Tensor norms = want_norms ? slots_NKD.to(at::kFloat).norm(2, at::IntArrayRef({-1})) : Tensor();
  return {out_ND, norms};
}

/// The experts with their weights in the dtype of products.
std::vector<Expert> to_dtype(const std::vector<Expert>& experts, at::ScalarType dtype) {
  const auto converted = [dtype](const Tensor& tensor) { return tensor.defined() ? tensor.to(dtype) : tensor; };
  std::vector<Expert> result;
  for (const Expert& e : experts) {
    result.push_back(
        {converted(e.gate), converted(e.up), converted(e.down), converted(e.up_bias), converted(e.down_bias)});
  }
  return result;
}

/// By the kernels, with gradients; masters in fp32, products in the dtype of autocast.
Tensor experts_trained(const Tensor& x_ND, const std::vector<Expert>& experts, const Tensor& ids_NK,
                       const Tensor& gates_NK) {
  const kernels::ExpertQueue queue =
      kernels::sort_by_expert(ids_NK.contiguous(), static_cast<std::int64_t>(experts.size()));
  return kernels::differentiable_experts(x_ND, to_dtype(experts, product_dtype(x_ND)), queue, gates_NK.to(at::kFloat));
}

ExpertsOutput experts_threaded(const Tensor& x_ND, const std::vector<Expert>& experts, const Tensor& ids_NK,
                               const Tensor& gates_NK, bool want_norms) {
  const kernels::ExpertQueue queue =
      kernels::sort_by_expert(ids_NK.contiguous(), static_cast<std::int64_t>(experts.size()));
  Tensor slots_SD = at::empty({ids_NK.numel(), x_ND.size(1)}, x_ND.options());
  kernels::expert_outputs(slots_SD, x_ND.contiguous(), experts, queue, ids_NK.size(1));
  const Tensor norms_NK = want_norms ? at::empty(ids_NK.sizes(), x_ND.options().dtype(at::kFloat)) : Tensor();
  return {kernels::combine(slots_SD, gates_NK, norms_NK), norms_NK};
}

/// Kernels have no backward, work in the dtype of the weights, and know nothing of autocast.
bool runs_threaded(const Tensor& x_ND, const Expert& expert, const Tensor& gates = {}) {
  const bool known_dtype = x_ND.scalar_type() == at::kFloat || x_ND.scalar_type() == at::kBFloat16;
  const bool wants_gradient = torch::autograd::compute_requires_grad(x_ND, expert.up, gates);
  return x_ND.is_cpu() && known_dtype && !wants_gradient && x_ND.scalar_type() == expert.up.scalar_type() &&
         !at::autocast::is_autocast_enabled(at::kCPU);
}

/// Masters in fp32 on the CPU, whatever the dtype of products.
bool trains_threaded(const Tensor& x_ND, const Expert& expert) {
  return x_ND.is_cpu() && x_ND.scalar_type() == at::kFloat && expert.up.scalar_type() == at::kFloat;
}

/// expert_output with the GELU of the kernels.
Tensor trained_mlp(const Tensor& x_ND, const Expert& mlp) {
  const Tensor up_NF = nn::linear(x_ND, mlp.up, mlp.up_bias);
  return nn::linear(kernels::differentiable_gelu(up_NF), mlp.down, mlp.down_bias);
}

}  // namespace

Tensor expert_hidden(const Tensor& x_ND, const Expert& expert) {
  const Tensor up_NF = nn::linear(x_ND, expert.up, expert.up_bias);
  return expert.gate.defined() ? at::silu(nn::linear(x_ND, expert.gate)) * up_NF : at::gelu(up_NF, "tanh");
}

Tensor expert_output(const Tensor& x_ND, const Expert& expert) {
  return nn::linear(expert_hidden(x_ND, expert), expert.down, expert.down_bias);
}

Tensor dense_mlp(const Tensor& x_ND, const Expert& mlp) {
  if (!runs_threaded(x_ND, mlp)) {
    const bool has_kernel = !mlp.gate.defined() && trains_threaded(x_ND, mlp);
    return has_kernel ? trained_mlp(x_ND, mlp) : expert_output(x_ND, mlp);
  }
  const Tensor all_N1 = at::zeros({x_ND.size(0), 1}, x_ND.options().dtype(at::kLong));
  Tensor out_ND = at::empty_like(x_ND);
  kernels::expert_outputs(out_ND, x_ND.contiguous(), {mlp}, kernels::sort_by_expert(all_N1, 1), /*top_k=*/1);
  return out_ND;
}

ExpertsOutput experts(const Tensor& x_ND, const std::vector<Expert>& experts, const Tensor& ids_NK,
                      const Tensor& gates_NK, bool want_norms, Implementation implementation) {
  const bool fastest = implementation == Implementation::kFastest;
  if (fastest && runs_threaded(x_ND, experts.front(), gates_NK)) {
    return experts_threaded(x_ND, experts, ids_NK, gates_NK, want_norms);
  }
  if (fastest && !want_norms && trains_threaded(x_ND, experts.front())) {
    return {experts_trained(x_ND, experts, ids_NK, gates_NK), {}};
  }
  return experts_plain(x_ND, experts, ids_NK, gates_NK, want_norms);
}

}  // namespace uncurl::nn
