#include "uncurl/kernels/expert_gradients.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "uncurl/kernels/expert_blocks.h"
#include "uncurl/kernels/hidden_neurons.h"
#include "uncurl/kernels/onednn_linear.h"
#include "uncurl/kernels/parallel_tasks.h"
#include "uncurl/kernels/slot_rows.h"
#include "uncurl/kernels/sum_in_order.h"
#include "uncurl/kernels/sum_rows.h"
#include "uncurl/tensor/autocast.h"

namespace uncurl::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/// The tensors of one expert and their gradients in the order of the flat list: gate, up, down or up, down and biases.
constexpr std::size_t kTensors = 3, kTensorsWithBiases = 4;

variable_list flat_list(const std::vector<Expert>& experts) {
  variable_list tensors;
  for (const Expert& e : experts) {
    if (e.gate.defined()) {
      tensors.insert(tensors.end(), {e.gate, e.up, e.down});
    } else {
      tensors.insert(tensors.end(), {e.up, e.down, e.up_bias, e.down_bias});
    }
  }
  return tensors;
}

Expert expert_at(at::ArrayRef<Tensor> tensors, std::size_t expert, bool gated) {
  if (gated) {
    const std::size_t first = expert * kTensors;
    return {tensors[first], tensors[first + 1], tensors[first + 2]};
  }
  const std::size_t first = expert * kTensorsWithBiases;
  return {{}, tensors[first], tensors[first + 1], tensors[first + 2], tensors[first + 3]};
}

/// Of one expert at once. Each block gives a term for the gradients of its weights: of larger weights there are fewer,
/// so that terms take no more memory than the rows do, and adding them takes little of the time.
std::size_t rows_at_once(at::ArrayRef<Tensor> tensors) {
  return static_cast<std::size_t>(std::max<std::int64_t>(1024, tensors.front().numel() / 1024));
}

/// What a block keeps between forward and backward, in the dtype of the products.
struct Kept {
  Tensor gate_MF, up_MF;  ///< before the activation
};

/// Gradients by the rows of a block and by its expert; those of its tensors in the order of the flat list.
struct Gradients {
  Tensor x_MD, gates_M;
  variable_list tensors;
};

/// The rows of the result are gates times outputs, so the gates join after the product with down: there they meet
/// the hidden neurons, and the outputs need not be kept.
/// @param dout_MD  by the rows times their gates; @param gates_M  f32
Gradients backward_of(const Expert& expert, const Kept& kept, const Tensor& x_MD, const Tensor& dout_MD,
                      const Tensor& gates_M) {
  const Tensor dh_MF = onednn_linear(dout_MD, expert.down.t());
  const HiddenGradients hidden = hidden_neurons_backward(kept.gate_MF, kept.up_MF, dh_MF, gates_M);
  Tensor dx_MD = onednn_linear(hidden.up_MF, expert.up.t());
  const Tensor d_up = weight_gradient(hidden.up_MF, x_MD);
  const Tensor d_down = weight_gradient(dout_MD, hidden.weighted_MF);
  if (kept.gate_MF.defined()) {
    onednn_linear_into_(dx_MD, hidden.gate_MF, expert.gate.t(), /*add=*/true);
    return {dx_MD, hidden.weights_M, {weight_gradient(hidden.gate_MF, x_MD), d_up, d_down}};
  }
  const Tensor by_bias_M = onednn_linear(expert.down_bias.unsqueeze(0), dout_MD).squeeze(0).to(at::kFloat);
  const Tensor d_down_bias = weight_gradient(dout_MD, gates_M.to(dout_MD.scalar_type()).unsqueeze(1)).squeeze(1);
  return {dx_MD, hidden.weights_M + by_bias_M, {d_up, d_down, sum_rows(hidden.up_MF), d_down_bias}};
}

/// The gates of an expert's rows, zero for those that gather_tokens() has added.
Tensor gather_gates(const Tensor& gates_NK, Slots slots, std::int64_t rows) {
  Tensor gates_M = at::zeros({rows}, gates_NK.options());
  auto* const to = gates_M.mutable_data_ptr<float>();
  const auto* const from = gates_NK.const_data_ptr<float>();
  for (std::size_t m = 0; m < slots.size(); ++m) to[m] = from[slots[m]];
  return gates_M;
}

void scatter_gates(Tensor& result_NK, const Tensor& gates_M, Slots slots) {
  auto* const to = result_NK.mutable_data_ptr<float>();
  const auto* const from = gates_M.const_data_ptr<float>();
  for (std::size_t m = 0; m < slots.size(); ++m) to[slots[m]] = from[m];
}

struct Experts : Function<Experts> {
  static constexpr std::size_t kFirst = 4;  // where the tensors of the experts begin among the arguments of forward()

  static Tensor forward(AutogradContext* context, const Tensor& x_ND, const Tensor& gates_NK, const ExpertQueue& queue,
                        bool gated, at::TensorList tensors) {
    const Autocast off(at::kCPU, std::nullopt);
    const std::vector<ExpertBlock> blocks = blocks_of_experts(queue, rows_at_once(tensors));
    const at::ScalarType products = tensors.front().scalar_type();
    const std::int64_t top_k = gates_NK.size(1);
    Tensor y_SD = at::empty({gates_NK.numel(), x_ND.size(1)}, x_ND.options());
    std::vector<Kept> kept(blocks.size());
    run_gradient_tasks(blocks.size(), [&](std::size_t i) {
      const Expert expert = expert_at(tensors, blocks[i].expert, gated);
      const Tensor x_MD = gather_tokens(x_ND, blocks[i].slots, top_k).to(products);
      if (gated) kept[i].gate_MF = onednn_linear(x_MD, expert.gate);
      kept[i].up_MF = onednn_linear(x_MD, expert.up, expert.up_bias);
      const Tensor hidden_MF = hidden_neurons(kept[i].gate_MF, kept[i].up_MF);
      const Tensor y_MD = onednn_linear(hidden_MF, expert.down, expert.down_bias);
      scatter_to_slots(y_SD, y_MD.to(at::kFloat), blocks[i].slots);
    });
    variable_list saved = {x_ND, gates_NK};
    saved.insert(saved.end(), tensors.begin(), tensors.end());
    context->save_for_backward(saved);
    std::vector<Tensor> between;
    for (const Kept& k : kept) between.insert(between.end(), {k.gate_MF, k.up_MF});
    context->saved_data["between"] = between;
    context->saved_data["slots"] = queue.slots;
    context->saved_data["begins"] = queue.begins;
    context->saved_data["gated"] = gated;
    return combine(y_SD, gates_NK, {});
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const Autocast off(at::kCPU, std::nullopt);
    const variable_list saved = context->get_saved_variables();
    const Tensor &x_ND = saved[0], &gates_NK = saved[1], dout_ND = gradients[0].contiguous();
    const at::ArrayRef<Tensor> tensors(saved.data() + 2, saved.size() - 2);
    const std::vector<Tensor> between = context->saved_data["between"].toTensorVector();
    const ExpertQueue queue{context->saved_data["slots"].toIntVector(), context->saved_data["begins"].toIntVector()};
    const std::vector<ExpertBlock> blocks = blocks_of_experts(queue, rows_at_once(tensors));
    const bool gated = context->saved_data["gated"].toBool();
    const at::ScalarType products = tensors.front().scalar_type();
    const std::int64_t top_k = gates_NK.size(1);
    Tensor dx_SD = at::empty({gates_NK.numel(), x_ND.size(1)}, x_ND.options()), dgates_NK = at::empty_like(gates_NK);
    std::vector<SumInOrder> sums(queue.begins.size() - 1);
    run_gradient_tasks(blocks.size(), [&](std::size_t i) {
      const Slots slots = blocks[i].slots;
      const Tensor x_MD = gather_tokens(x_ND, slots, top_k).to(products);
      Gradients own =
          backward_of(expert_at(tensors, blocks[i].expert, gated), {between[2 * i], between[2 * i + 1]}, x_MD,
                      gather_tokens(dout_ND, slots, top_k).to(products), gather_gates(gates_NK, slots, x_MD.size(0)));
      scatter_to_slots(dx_SD, own.x_MD.to(at::kFloat), slots);
      scatter_gates(dgates_NK, own.gates_M, slots);
      sums[blocks[i].expert].add(blocks[i].number, std::move(own.tensors));
    });
    variable_list result(kFirst + tensors.size());
    for (std::size_t e = 0; e < sums.size(); ++e) {
      const std::vector<Tensor> of_expert = sums[e].take();
      std::copy(of_expert.begin(), of_expert.end(),
                result.begin() + static_cast<std::ptrdiff_t>(kFirst + e * of_expert.size()));
    }
    result[0] = top_k == 1 ? dx_SD : dx_SD.view({-1, top_k, x_ND.size(1)}).sum(1);
    result[1] = dgates_NK;
    return result;
  }
};

}  // namespace

Tensor differentiable_experts(const Tensor& x_ND, const std::vector<Expert>& experts, const ExpertQueue& queue,
                              const Tensor& gates_NK) {
  const variable_list tensors = flat_list(experts);
  return Experts::apply(x_ND.contiguous(), gates_NK.contiguous(), queue, experts.front().gate.defined(),
                        at::TensorList(tensors));
}

}  // namespace uncurl::kernels
