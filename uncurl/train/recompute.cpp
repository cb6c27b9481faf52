#include "uncurl/train/recompute.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <ATen/core/ivalue.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

namespace uncurl::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

struct Replay : torch::CustomClassHolder {
  explicit Replay(LayerFunction function) : run(std::move(function)) {}
  LayerFunction run;
};

struct Recompute : Function<Recompute> {
  static variable_list forward(AutogradContext* context, const Tensor& hidden, const Tensor& /*anchor*/,
                               const LayerFunction& run) {
    context->save_for_backward({hidden});
    context->saved_data["wants_hidden"] = hidden.requires_grad();
    context->saved_data["replay"] = c10::IValue::make_capsule(c10::make_intrusive<Replay>(run));
    // With gradients, as the backward pass will run it: without, layers choose other kernels, which round otherwise.
    const at::AutoGradMode with_gradients(true);
    variable_list outputs = run(hidden.detach().requires_grad_(hidden.requires_grad()));
    for (Tensor& output : outputs) output = output.detach();
    return outputs;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const at::AutoGradMode with_gradients(true);
    const bool wants_hidden = context->saved_data["wants_hidden"].toBool();
    const Tensor input = context->get_saved_variables()[0].detach().requires_grad_(wants_hidden);
    const auto replay = c10::static_intrusive_pointer_cast<Replay>(context->saved_data["replay"].toCapsule());
    variable_list outputs, wanted;
    const variable_list all = replay->run(input);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!all[i].requires_grad() || !gradients[i].defined()) continue;
      outputs.push_back(all[i]);
      wanted.push_back(gradients[i]);
    }
    torch::autograd::backward(outputs, wanted);
    return {wants_hidden ? input.grad() : Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

std::vector<Tensor> run_and_recompute(const Tensor& hidden, const Tensor& anchor, const LayerFunction& run) {
  return Recompute::apply(hidden, anchor, run);
}

}  // namespace uncurl::train
