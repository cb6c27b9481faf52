#include "uncurl/kernels/differentiable.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>

#include "tests/support/expect_near.h"
#include "tests/support/random_experts.h"

namespace uncurl::kernels {
namespace {

using test::random_tensor;
using Operation = std::function<Tensor(const std::vector<Tensor>&)>;

/// Gradients of sum(operation * weights) by every input.
std::vector<Tensor> gradients(const Operation& operation, std::vector<Tensor> inputs) {
  for (Tensor& input : inputs) input = input.detach().clone().requires_grad_(true);
  const Tensor y = operation(inputs);
  torch::autograd::backward({y}, {random_tensor(y.sizes().vec(), 9).to(y.scalar_type())});
  std::vector<Tensor> result;
  for (const Tensor& input : inputs) result.push_back(input.grad());
  return result;
}

/// Against libtorch's own backward in fp64, and with one thread and two.
void expect_gradients(const Operation& ours, const Operation& libtorch, const std::vector<Tensor>& inputs) {
  std::vector<Tensor> doubles;
  for (const Tensor& input : inputs) doubles.push_back(input.to(at::kDouble));
  const std::vector<Tensor> expected = gradients(libtorch, doubles), found = gradients(ours, inputs);
  const int threads = at::get_num_threads();
  at::set_num_threads(threads == 1 ? 2 : 1);
  const std::vector<Tensor> with_others = gradients(ours, inputs);
  at::set_num_threads(threads);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_TRUE(test::near(found[i], expected[i], 2e-6 * test::max_abs(expected[i]))) << "input " << i;
    EXPECT_TRUE(at::equal(found[i], with_others[i])) << "input " << i;
  }
}

TEST(Differentiable, LinearHasTheGradientsOfLibtorch) {
  const std::vector<Tensor> inputs = {random_tensor({300, 70}, 1), random_tensor({130, 70}, 2),
                                      random_tensor({130}, 3)};
  expect_gradients([](const auto& in) { return differentiable_linear(in[0], in[1], in[2]); },
                   [](const auto& in) { return at::linear(in[0], in[1], in[2]); }, inputs);
}

TEST(Differentiable, LinearNeedsNoBias) {
  const std::vector<Tensor> inputs = {random_tensor({5, 7}, 1), random_tensor({3, 7}, 2)};
  expect_gradients([](const auto& in) { return differentiable_linear(in[0], in[1], {}); },
                   [](const auto& in) { return at::linear(in[0], in[1]); }, inputs);
}

TEST(Differentiable, LayerNormHasTheGradientsOfLibtorch) {
  const std::vector<Tensor> inputs = {random_tensor({500, 33}, 1) * 3, random_tensor({33}, 2), random_tensor({33}, 3)};
  expect_gradients([](const auto& in) { return differentiable_layer_norm(in[0], in[1], in[2], 1e-5); },
                   [](const auto& in) { return at::layer_norm(in[0], {33}, in[1], in[2], 1e-5); }, inputs);
}

TEST(Differentiable, PermutedRowsGetTheirGradientsBack) {
  const Tensor order = at::tensor({2, 0, 3, 1}, at::kLong), inverse = order.argsort();
  expect_gradients([&](const auto& in) { return permute_rows(in[0], order, inverse); },
                   [&](const auto& in) { return in[0].index_select(0, order); }, {random_tensor({4, 3}, 1)});
}

}  // namespace
}  // namespace uncurl::kernels
