#include "uncurl/kernels/expert_gradients.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "uncurl/kernels/gelu.h"
#include "uncurl/kernels/onednn_linear.h"
#include "uncurl/kernels/parallel_tasks.h"
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

Expert expert_at(at::ArrayRef<Tensor> tensors, std::size_t expert, bool gated, at::ScalarType dtype) {
  const auto tensor = [&](std::size_t i) { return tensors[i].to(dtype); };
  if (gated) {
    const std::size_t first = expert * kTensors;
    return {tensor(first), tensor(first + 1), tensor(first + 2)};
  }
  const std::size_t first = expert * kTensorsWithBiases;
  return {{}, tensor(first), tensor(first + 1), tensor(first + 2), tensor(first + 3)};
}

/// What one expert keeps between forward and backward, in the dtype of the products.
struct Kept {
  Tensor gate_nF, up_nF;  ///< before the activation
};

Tensor hidden_of(const Kept& kept) {
  return kept.gate_nF.defined() ? at::silu(kept.gate_nF) * kept.up_nF : gelu_tanh(kept.up_nF);
}

/// Gradients of one expert; those of its tensors in the order of the flat list.
struct Gradients {
  Tensor x_nD;
  variable_list tensors;
};

Gradients backward_of(const Expert& expert, const Kept& kept, const Tensor& x_nD, const Tensor& dy_nD) {
  const Tensor dh_nF = onednn_linear(dy_nD, expert.down.t());
  if (!kept.gate_nF.defined()) {
    const auto [h_nF, du_nF] = gelu_tanh_backward(kept.up_nF, dh_nF);
    return {onednn_linear(du_nF, expert.up.t()),
            {onednn_linear(du_nF.t(), x_nD.t()), onednn_linear(dy_nD.t(), h_nF.t()), sum_rows(du_nF), sum_rows(dy_nD)}};
  }
  const Tensor d_down = onednn_linear(dy_nD.t(), hidden_of(kept).t());
  const Tensor du_nF = dh_nF * at::silu(kept.gate_nF);
  const Tensor dg_nF = at::silu_backward(dh_nF * kept.up_nF, kept.gate_nF);
  return {onednn_linear(du_nF, expert.up.t()).add_(onednn_linear(dg_nF, expert.gate.t())),
          {onednn_linear(dg_nF.t(), x_nD.t()), onednn_linear(du_nF.t(), x_nD.t()), d_down}};
}

std::vector<std::int64_t> begins_of(const std::vector<std::int64_t>& counts_E) {
  std::vector<std::int64_t> begins = {0};
  for (const std::int64_t count : counts_E) begins.push_back(begins.back() + count);
  return begins;
}

struct Experts : Function<Experts> {
  static Tensor forward(AutogradContext* context, const Tensor& x_SD, const std::vector<std::int64_t>& counts_E,
                        at::ScalarType products, bool gated, at::TensorList tensors) {
    const Autocast off(at::kCPU, std::nullopt);
    const std::vector<std::int64_t> begins = begins_of(counts_E);
    Tensor y_SD = at::empty_like(x_SD);
    std::vector<Kept> kept(counts_E.size());
    run_tasks(counts_E.size(), [&] {
      return [&](std::size_t e) {
        if (counts_E[e] == 0) return;
        const c10::InferenceMode ends(false);  // what is kept and what is accumulated must be ordinary tensors
        const c10::NoGradGuard no_grad;
        const Expert expert = expert_at(tensors, e, gated, products);
        const Tensor x_nD = x_SD.narrow(0, begins[e], counts_E[e]).to(products);
        if (gated) kept[e].gate_nF = onednn_linear(x_nD, expert.gate);
        kept[e].up_nF = onednn_linear(x_nD, expert.up, expert.up_bias);
        y_SD.narrow(0, begins[e], counts_E[e]).copy_(onednn_linear(hidden_of(kept[e]), expert.down, expert.down_bias));
      };
    });
    variable_list saved = {x_SD};
    saved.insert(saved.end(), tensors.begin(), tensors.end());
    context->save_for_backward(saved);
    std::vector<Tensor> between;
    for (const Kept& k : kept) between.insert(between.end(), {k.gate_nF, k.up_nF});
    context->saved_data["between"] = between;
    context->saved_data["counts"] = counts_E;
    context->saved_data["products"] = static_cast<std::int64_t>(products);
    context->saved_data["gated"] = gated;
    return y_SD;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const Autocast off(at::kCPU, std::nullopt);
    const variable_list saved = context->get_saved_variables();
    const Tensor &x_SD = saved[0], dy_SD = gradients[0].contiguous();
    const at::ArrayRef<Tensor> tensors(saved.data() + 1, saved.size() - 1);
    const std::vector<Tensor> between = context->saved_data["between"].toTensorVector();
    const std::vector<std::int64_t> counts_E = context->saved_data["counts"].toIntVector(),
                                    begins = begins_of(counts_E);
    const auto products = static_cast<at::ScalarType>(context->saved_data["products"].toInt());
    const bool gated = context->saved_data["gated"].toBool();
    const std::size_t stride = gated ? kTensors : kTensorsWithBiases;
    Tensor dx_SD = at::empty_like(x_SD);
    constexpr std::size_t kFirst = 4;  // behind x and three arguments that are no tensors
    variable_list result(kFirst + tensors.size());
    run_tasks(counts_E.size(), [&] {
      return [&](std::size_t e) {
        if (counts_E[e] == 0) return;
        const c10::InferenceMode ends(false);  // what is kept and what is accumulated must be ordinary tensors
        const c10::NoGradGuard no_grad;
        const auto rows = [&](const Tensor& t) { return t.narrow(0, begins[e], counts_E[e]); };
        const Gradients own = backward_of(expert_at(tensors, e, gated, products), {between[2 * e], between[2 * e + 1]},
                                          rows(x_SD).to(products), rows(dy_SD).to(products));
        rows(dx_SD).copy_(own.x_nD);
        for (std::size_t i = 0; i < stride; ++i) result[kFirst + e * stride + i] = own.tensors[i].to(at::kFloat);
      };
    });
    result[0] = dx_SD;
    return result;
  }
};

}  // namespace

Tensor differentiable_experts(const Tensor& x_SD, const std::vector<Expert>& experts,
                              const std::vector<std::int64_t>& counts_E, at::ScalarType products) {
  const variable_list tensors = flat_list(experts);
  return Experts::apply(x_SD, counts_E, products, experts.front().gate.defined(), at::TensorList(tensors));
}

}  // namespace uncurl::kernels
