#include "uncurl/kernels/gelu.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "tests/support/expect_near.h"
#include "tests/support/random_experts.h"

namespace uncurl::kernels {
namespace {

using test::random_tensor;

/// Every size of number, both signs, and a length that fills no vector.
Tensor values() {
  return at::cat({at::linspace(-30, 30, 20011), at::tensor({0.0f, -0.0f, 1e-20f, -1e-20f, 1e4f, -1e4f})});
}

TEST(Gelu, EqualsLibtorchInFp64) {
  const Tensor x = values();
  EXPECT_TRUE(test::near(gelu_tanh(x), at::gelu(x.to(at::kDouble), "tanh"), 3e-6));
  EXPECT_TRUE(at::allclose(gelu_tanh(x).to(at::kDouble), at::gelu(x.to(at::kDouble), "tanh"), 1e-6, 1e-6));
}

TEST(Gelu, HasTheGradientOfLibtorch) {
  const Tensor x = values(), dy = random_tensor(x.sizes().vec(), 1);
  const Tensor found = gelu_tanh_backward(x, dy);
  const Tensor expected = at::gelu_backward(dy.to(at::kDouble), x.to(at::kDouble), "tanh");
  EXPECT_TRUE(test::near(found, expected, 2e-6 * test::max_abs(expected)));
  const Tensor leaf = x.detach().clone().requires_grad_(true);
  torch::autograd::backward({differentiable_gelu(leaf)}, {dy});
  EXPECT_TRUE(at::equal(leaf.grad(), found));
}

TEST(Gelu, DependsNeitherOnThreadsNorOnWhereAValueStands) {
  const Tensor x = random_tensor({300, 257}, 2), dy = random_tensor({300, 257}, 3);
  const Tensor y = gelu_tanh(x), dx = gelu_tanh_backward(x, dy);
  const int threads = at::get_num_threads();
  at::set_num_threads(threads == 1 ? 2 : 1);
  EXPECT_TRUE(at::equal(gelu_tanh_backward(x, dy), dx));
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(gelu_tanh(x.narrow(0, 17, 5)), y.narrow(0, 17, 5)));
}

TEST(Gelu, PassesNaNOn) {
  const Tensor x = at::full({40}, NAN);
  EXPECT_TRUE(gelu_tanh(x).isnan().all().item<bool>());
  EXPECT_TRUE(gelu_tanh_backward(x, at::ones({40})).isnan().all().item<bool>());
}

TEST(Gelu, InBf16IsTheRoundedOneOfFp32) {
  const Tensor x = values().to(at::kBFloat16), dy = random_tensor(x.sizes().vec(), 1).to(at::kBFloat16);
  const Tensor x32 = x.to(at::kFloat), dy32 = dy.to(at::kFloat);
  EXPECT_TRUE(at::equal(gelu_tanh(x), gelu_tanh(x32).to(at::kBFloat16)));
  EXPECT_TRUE(at::equal(gelu_tanh_backward(x, dy), gelu_tanh_backward(x32, dy32).to(at::kBFloat16)));
  EXPECT_TRUE(gelu_tanh(at::full({40}, NAN, at::kBFloat16)).isnan().all().item<bool>());
}

TEST(Gelu, OfOtherDtypesIsThatOfLibtorch) {
  const Tensor x = values().to(at::kDouble);
  EXPECT_TRUE(at::equal(gelu_tanh(x), at::gelu(x, "tanh")));
}

}  // namespace
}  // namespace uncurl::kernels
