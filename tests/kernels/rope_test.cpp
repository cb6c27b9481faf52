#include "uncurl/kernels/rope.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/support/expect_gradients.h"
#include "tests/support/expect_near.h"

namespace uncurl::kernels {
namespace {

using test::random_tensor;

TEST(Rope, HasTheGradientsOfLibtorch) {
  const Tensor half = random_tensor({40, 6}, 1) * 3, angles = at::cat({half, half}, -1);
  const Tensor positions = at::arange(150, at::kLong).remainder(37);
  // The head as complex numbers, turned by e^(i angle): another way to write the same.
  const auto by_complex = [&](const Tensor& x) {
    const auto halves = x.chunk(2, -1);
    const Tensor turn = half.to(at::kDouble).index_select(0, positions).unsqueeze(1);
    const Tensor turned = at::complex(halves[0], halves[1]) * at::complex(turn.cos(), turn.sin());
    return at::cat({at::real(turned), at::imag(turned)}, -1);
  };
  test::expect_gradients(
      [&](const auto& in) { return differentiable_rope(in[0], angles.cos(), angles.sin(), positions); },
      [&](const auto& in) { return by_complex(in[0]); }, {random_tensor({150, 3, 12}, 2)});
}

}  // namespace
}  // namespace uncurl::kernels
