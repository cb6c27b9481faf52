#include "uncurl/nn/experts.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "uncurl/kernels/moe.h"
#include "uncurl/nn/linear.h"

namespace uncurl::nn {
namespace {

/// The oracle: plain differentiable operations, on any device.
ExpertsOutput experts_plain(const Tensor& x_ND, const std::vector<Expert>& experts, const Tensor& ids_NK,
                            const Tensor& gates_NK, bool want_norms) {
  const std::int64_t top_k = ids_NK.size(1), width = x_ND.size(1);
  const Tensor flat_ids = ids_NK.reshape({-1});
  Tensor slots_SD = at::zeros({flat_ids.size(0), width}, x_ND.options());
  for (std::size_t e = 0; e < experts.size(); ++e) {
    const Tensor slots = at::nonzero(flat_ids == static_cast<std::int64_t>(e)).squeeze(-1);
    if (slots.size(0) == 0) continue;
    const Tensor tokens = slots.floor_divide(top_k);
    const Tensor y = expert_output(x_ND.index_select(0, tokens), experts[e]);
    slots_SD = slots_SD.index_copy(0, slots, y);
  }
  const Tensor slots_NKD = slots_SD.view({-1, top_k, width});
  const Tensor out_ND =
      (slots_NKD * gates_NK.unsqueeze(-1)).sum(1, /*keepdim=*/false, at::kFloat).to(x_ND.scalar_type());
  const Tensor norms = want_norms ? slots_NKD.to(at::kFloat).norm(2, at::IntArrayRef({-1})) : Tensor();
  return {out_ND, norms};
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

bool runs_threaded(const Tensor& x_ND) {
  const bool known_dtype = x_ND.scalar_type() == at::kFloat || x_ND.scalar_type() == at::kBFloat16;
  return x_ND.is_cpu() && known_dtype && !(at::GradMode::is_enabled() && x_ND.requires_grad());
}

}  // namespace

Tensor expert_output(const Tensor& x_ND, const Expert& expert) {
  if (expert.gate.defined()) return gated_mlp(x_ND, expert.gate, expert.up, expert.down);
  const Tensor hidden_NF = at::gelu(nn::linear(x_ND, expert.up, expert.up_bias), "tanh");
  return nn::linear(hidden_NF, expert.down, expert.down_bias);
}

Tensor gated_mlp(const Tensor& x_ND, const Tensor& gate, const Tensor& up, const Tensor& down) {
  return nn::linear(at::silu(nn::linear(x_ND, gate)) * nn::linear(x_ND, up), down);
}

Tensor dense_mlp(const Tensor& x_ND, const Expert& mlp) {
  if (!runs_threaded(x_ND)) return expert_output(x_ND, mlp);
  const Tensor all_N1 = at::zeros({x_ND.size(0), 1}, x_ND.options().dtype(at::kLong));
  Tensor out_ND = at::empty_like(x_ND);
  kernels::expert_outputs(out_ND, x_ND.contiguous(), {mlp}, kernels::sort_by_expert(all_N1, 1), /*top_k=*/1);
  return out_ND;
}

ExpertsOutput experts(const Tensor& x_ND, const std::vector<Expert>& experts, const Tensor& ids_NK,
                      const Tensor& gates_NK, bool want_norms, Implementation implementation) {
  const bool threaded = implementation == Implementation::kFastest && runs_threaded(x_ND);
  return threaded ? experts_threaded(x_ND, experts, ids_NK, gates_NK, want_norms)
                  : experts_plain(x_ND, experts, ids_NK, gates_NK, want_norms);
}

}  // namespace uncurl::nn
