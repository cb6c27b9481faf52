#include "uncurl/kernels/layer_norm.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/support/expect_gradients.h"
#include "tests/support/expect_near.h"

namespace uncurl::kernels {
namespace {

using test::random_tensor;

void expect_layer_norm(const Tensor& x, double epsilon) {
  const std::int64_t width = x.size(1);
  test::expect_gradients([&](const auto& in) { return differentiable_layer_norm(in[0], in[1], in[2], epsilon); },
                         [&](const auto& in) { return at::layer_norm(in[0], {width}, in[1], in[2], epsilon); },
                         {x, random_tensor({width}, 2), random_tensor({width}, 3)});
}

TEST(LayerNorm, HasTheGradientsOfLibtorch) { expect_layer_norm(random_tensor({500, 33}, 1) * 3, 1e-5); }

TEST(LayerNorm, OfRowsFarFromZeroHasThem) { expect_layer_norm(random_tensor({130, 64}, 1) + 5, 1e-5); }

TEST(LayerNorm, OfOneRowHasThem) { expect_layer_norm(random_tensor({1, 5}, 1), 1e-5); }

TEST(LayerNorm, OfSmallNumbersIsHeldByEpsilon) { expect_layer_norm(random_tensor({20, 16}, 1) * 1e-3, 1e-5); }

TEST(LayerNorm, HasTheSameGradientsOnAnyNumberOfThreads) {
  const int before = at::get_num_threads();
  const Tensor x = random_tensor({3000, 24}, 4), dy = random_tensor({3000, 24}, 5);
  std::vector<Tensor> alone;
  for (const int threads : {1, 2, 3, 8}) {
    at::set_num_threads(threads);
    const Tensor in = x.clone().requires_grad_(), weight = at::ones({24}).requires_grad_(),
                 bias = at::zeros({24}).requires_grad_();
    differentiable_layer_norm(in, weight, bias, 1e-5).backward(dy);
    const std::vector<Tensor> gradients = {in.grad(), weight.grad(), bias.grad()};
    if (alone.empty()) alone = gradients;
    for (std::size_t i = 0; i < alone.size(); ++i) {
      EXPECT_TRUE(test::identical(gradients[i], alone[i])) << i << " with " << threads << " threads";
    }
  }
  at::set_num_threads(before);
}

}  // namespace
}  // namespace uncurl::kernels
