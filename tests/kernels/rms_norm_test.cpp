#include "uncurl/kernels/rms_norm.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/support/expect_gradients.h"
#include "tests/support/expect_near.h"

namespace uncurl::kernels {
namespace {

using test::random_tensor;

void expect_rms_norm(const Tensor& x, double epsilon) {
  const Tensor weight = random_tensor({x.size(-1)}, 2);
  test::expect_gradients(
      [&](const auto& in) { return differentiable_rms_norm(in[0], in[1], epsilon); },
      [&](const auto& in) { return in[1] * in[0] * (in[0].pow(2).mean(-1, /*keepdim=*/true) + epsilon).rsqrt(); },
      {x, weight});
}

TEST(RmsNorm, HasTheGradientsOfLibtorch) { expect_rms_norm(random_tensor({300, 70}, 1) * 3, 1e-6); }

TEST(RmsNorm, OfHeadsHasThem) { expect_rms_norm(random_tensor({65, 3, 32}, 1), 1e-5); }

TEST(RmsNorm, OfOneRowHasThem) { expect_rms_norm(random_tensor({1, 5}, 1), 1e-6); }

TEST(RmsNorm, OfSmallNumbersIsHeldByEpsilon) { expect_rms_norm(random_tensor({20, 16}, 1) * 1e-4, 1e-6); }

}  // namespace
}  // namespace uncurl::kernels
