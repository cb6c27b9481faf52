#include "uncurl/kernels/hidden_neurons.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "tests/support/expect_near.h"

namespace uncurl::kernels {
namespace {

using test::random_tensor;

Tensor by_libtorch(const Tensor& gate, const Tensor& up) {
  return gate.defined() ? at::silu(gate) * up : at::gelu(up, "tanh");
}

class HiddenNeurons : public testing::TestWithParam<bool> {
 protected:
  Tensor gate = GetParam() ? random_tensor({37, 53}, 1) * 4 : Tensor();
  Tensor up = random_tensor({37, 53}, 2) * 4, dh = random_tensor({37, 53}, 3), weights = random_tensor({37}, 4);
};

TEST_P(HiddenNeurons, EqualThoseOfLibtorchInFp64) {
  const Tensor expected = by_libtorch(gate.defined() ? gate.to(at::kDouble) : gate, up.to(at::kDouble));
  EXPECT_TRUE(test::near(hidden_neurons(gate, up), expected, 1e-6 * test::max_abs(expected)));
}

TEST_P(HiddenNeurons, HaveTheGradientsOfLibtorch) {
  const auto leaf = [](const Tensor& x) { return x.defined() ? x.to(at::kDouble).requires_grad_(true) : x; };
  const Tensor gate64 = leaf(gate), up64 = leaf(up), weights64 = leaf(weights);
  const Tensor weighted = weights64.unsqueeze(1) * by_libtorch(gate64, up64);
  torch::autograd::backward({weighted}, {dh.to(at::kDouble)});
  const HiddenGradients found = hidden_neurons_backward(gate, up, dh, weights);
  const auto expect_near = [](const Tensor& tensor, const Tensor& expected) {
    EXPECT_TRUE(test::near(tensor, expected, 2e-6 * test::max_abs(expected)));
  };
  expect_near(found.weighted_MF, weighted.detach());
  expect_near(found.up_MF, up64.grad());
  expect_near(found.weights_M, weights64.grad());
  EXPECT_EQ(found.gate_MF.defined(), GetParam());
  if (GetParam()) expect_near(found.gate_MF, gate64.grad());
}

TEST_P(HiddenNeurons, InBf16AreTheRoundedOnesOfFp32) {
  const auto bf16 = [](const Tensor& x) { return x.defined() ? x.to(at::kBFloat16) : x; };
  const auto f32 = [&](const Tensor& x) { return x.defined() ? bf16(x).to(at::kFloat) : x; };
  EXPECT_TRUE(at::equal(hidden_neurons(bf16(gate), bf16(up)), bf16(hidden_neurons(f32(gate), f32(up)))));
  const HiddenGradients found = hidden_neurons_backward(bf16(gate), bf16(up), bf16(dh), weights);
  const HiddenGradients exact = hidden_neurons_backward(f32(gate), f32(up), f32(dh), weights);
  EXPECT_TRUE(at::equal(found.weighted_MF, bf16(exact.weighted_MF)));
  EXPECT_TRUE(at::equal(found.up_MF, bf16(exact.up_MF)));
  EXPECT_TRUE(at::equal(found.weights_M, exact.weights_M));
  EXPECT_TRUE(!GetParam() || at::equal(found.gate_MF, bf16(exact.gate_MF)));
}

TEST_P(HiddenNeurons, PassNaNOn) {
  up.fill_(NAN);
  EXPECT_TRUE(hidden_neurons(gate, up).isnan().all().item<bool>());
  EXPECT_TRUE(hidden_neurons_backward(gate, up, dh, weights).weights_M.isnan().all().item<bool>());
}

INSTANTIATE_TEST_SUITE_P(Gated, HiddenNeurons, testing::Bool());

}  // namespace
}  // namespace uncurl::kernels
