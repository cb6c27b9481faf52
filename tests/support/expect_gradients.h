// Gradients of our operations beside those of libtorch's.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>
#include <vector>

#include "tests/support/expect_near.h"

namespace uncurl::test {

using at::Tensor;
using Operation = std::function<Tensor(const std::vector<Tensor>&)>;

/// The value of the operation, then the gradients of sum(operation * weights) by every input.
inline std::vector<Tensor> value_and_gradients(const Operation& operation, std::vector<Tensor> inputs) {
  for (Tensor& input : inputs) input = input.detach().clone().requires_grad_(true);
  const Tensor y = operation(inputs);
  torch::autograd::backward({y}, {random_tensor(y.sizes().vec(), 9).to(y.scalar_type())});
  std::vector<Tensor> result = {y.detach()};
  for (const Tensor& input : inputs) result.push_back(input.grad());
  return result;
}

/// Expects value and gradients of `ours` in the dtype of the inputs to equal those of `libtorch` in fp64, to 2e-6 of
/// the largest, and to be the same with one thread and two.
inline void expect_gradients(const Operation& ours, const Operation& libtorch, const std::vector<Tensor>& inputs) {
  std::vector<Tensor> doubles;
  for (const Tensor& input : inputs) doubles.push_back(input.to(at::kDouble));
  const std::vector<Tensor> expected = value_and_gradients(libtorch, doubles),
                            found = value_and_gradients(ours, inputs);
  const int threads = at::get_num_threads();
  at::set_num_threads(threads == 1 ? 2 : 1);
  const std::vector<Tensor> with_others = value_and_gradients(ours, inputs);
  at::set_num_threads(threads);
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_TRUE(near(found[i], expected[i], 2e-6 * max_abs(expected[i]))) << (i == 0 ? "value" : "input ") << i;
    EXPECT_TRUE(at::equal(found[i], with_others[i])) << (i == 0 ? "value" : "input ") << i;
  }
}

}  // namespace uncurl::test
