#include "uncurl/kernels/layer_norm.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace uncurl::kernels
