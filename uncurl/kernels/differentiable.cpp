#include "uncurl/kernels/differentiable.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "uncurl/kernels/linear_gradients.h"
#include "uncurl/kernels/onednn_linear.h"

namespace uncurl::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

struct Linears : Function<Linears> {
  /// @param tensors  the weight of each map, and its bias where it has one
  static variable_list forward(AutogradContext* context, const Tensor& x, const std::vector<bool>& has_bias,
                               at::TensorList tensors) {
    variable_list saved = {x}, results;
    c10::List<bool> wants_weight, wants_bias, has_biases;
    std::size_t next = 0;
    for (const bool has : has_bias) {
      const Tensor weight = tensors[next++];
      const Tensor bias = has ? tensors[next++] : Tensor();
      results.push_back(onednn_linear(x, weight, bias));
      saved.push_back(weight);
      wants_weight.push_back(weight.requires_grad());
      wants_bias.push_back(has && bias.requires_grad());
      has_biases.push_back(has);
    }
    context->save_for_backward(saved);
    context->saved_data["wants_x"] = x.requires_grad();
    context->saved_data["wants_weight"] = wants_weight;
    context->saved_data["wants_bias"] = wants_bias;
    context->saved_data["has_bias"] = has_biases;
    return results;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const c10::List<bool> wants_weight = context->saved_data["wants_weight"].toBoolList();
    const c10::List<bool> wants_bias = context->saved_data["wants_bias"].toBoolList();
    const c10::List<bool> has_bias = context->saved_data["has_bias"].toBoolList();
    std::vector<MapGradient> maps;
    for (std::size_t map = 0; map < gradients.size(); ++map) {
      maps.push_back({gradients[map].contiguous(), saved[1 + map], wants_weight[map], wants_bias[map]});
    }
    const LinearGradients by = linear_gradients(saved[0], maps, context->saved_data["wants_x"].toBool());
    variable_list result = {by.x, Tensor()};
    for (std::size_t map = 0; map < maps.size(); ++map) {
      result.push_back(by.weights[map]);
      if (has_bias[map]) result.push_back(by.biases[map]);
    }
    return result;
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

std::vector<Tensor> differentiable_linears(const Tensor& x, const std::vector<LinearMap>& maps) {
  std::vector<bool> has_bias;
  variable_list tensors;
  for (const LinearMap& map : maps) {
    has_bias.push_back(map.bias.defined());
    tensors.push_back(map.weight);
    if (map.bias.defined()) tensors.push_back(map.bias);
  }
  return Linears::apply(x, has_bias, at::TensorList(tensors));
}

Tensor permute_rows(const Tensor& x_ND, const Tensor& order_N, const Tensor& inverse_N) {
  return Permute::apply(x_ND, order_N, inverse_N);
}

}  // namespace uncurl::kernels
