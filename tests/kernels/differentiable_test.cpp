#include "uncurl/kernels/differentiable.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/support/expect_gradients.h"
#include "tests/support/random_experts.h"

namespace uncurl::kernels {
namespace {

using test::expect_gradients;
using test::random_tensor;

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

TEST(Differentiable, PermutedRowsGetTheirGradientsBack) {
  const Tensor order = at::tensor({2, 0, 3, 1}, at::kLong), inverse = order.argsort();
  expect_gradients([&](const auto& in) { return permute_rows(in[0], order, inverse); },
                   [&](const auto& in) { return in[0].index_select(0, order); }, {random_tensor({4, 3}, 1)});
}

}  // namespace
}  // namespace uncurl::kernels
