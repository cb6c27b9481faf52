#include "uncurl/kernels/differentiable.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "uncurl/kernels/onednn_linear.h"
#include "uncurl/kernels/sum_rows.h"

namespace uncurl::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

struct Linear : Function<Linear> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight,
                        const std::optional<Tensor>& bias) {
    context->save_for_backward({x, weight});
    context->saved_data["needs"] =
        c10::List<bool>({x.requires_grad(), weight.requires_grad(), bias && bias->requires_grad()});
    return onednn_linear(x, weight, bias.value_or(Tensor()));
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const Tensor &dy = gradients[0], &x = saved[0], &weight = saved[1];
    const c10::List<bool> needs = context->saved_data["needs"].toBoolList();
    return {needs[0] ? onednn_linear(dy, weight.t()) : Tensor(), needs[1] ? weight_gradient(dy, x) : Tensor(),
            needs[2] ? sum_rows(dy) : Tensor()};
  }
};

struct Permute : Function<Permute> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& order, const Tensor& inverse) {
    context->save_for_backward({inverse});
    return x.index_select(0, order);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    return {gradients[0].index_select(0, context->get_saved_variables()[0]), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor differentiable_linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return Linear::apply(x, weight, bias.defined() ? std::optional(bias) : std::nullopt);
}

Tensor permute_rows(const Tensor& x_ND, const Tensor& order_N, const Tensor& inverse_N) {
  return Permute::apply(x_ND, order_N, inverse_N);
}

}  // namespace uncurl::kernels
