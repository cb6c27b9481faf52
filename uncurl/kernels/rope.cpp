#include "uncurl/kernels/rope.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "uncurl/kernels/cpu_level.h"

namespace uncurl::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/// @param direction  1, or -1 to turn back
void turn_heads(float* y, const float* x, const float* cos, const float* sin, std::int64_t heads, std::int64_t half,
                float direction) {
  for (std::int64_t h = 0; h < heads; ++h, x += 2 * half, y += 2 * half) {
#pragma omp simd
    for (std::int64_t i = 0; i < half; ++i) {
      const float first = x[i], second = x[half + i], s = direction * sin[i];
      y[i] = first * cos[i] - second * s;
      y[half + i] = second * cos[i] + first * s;
    }
  }
}

Tensor turned(const Tensor& x_NHd, const Tensor& cos_Pd, const Tensor& sin_Pd, const Tensor& positions_N,
              float direction) {
  const Tensor x = x_NHd.contiguous(), positions = positions_N.contiguous();
  Tensor y = at::empty_like(x);
  const auto *const from = x.const_data_ptr<float>(), *const cos = cos_Pd.const_data_ptr<float>(),
                    *const sin = sin_Pd.const_data_ptr<float>();
  auto* const to = y.mutable_data_ptr<float>();
  const auto* const position = positions.const_data_ptr<std::int64_t>();
  const std::int64_t heads = x.size(1), head_dim = x.size(2);
  at::parallel_for(0, x.size(0), /*grain_size=*/64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      const std::int64_t at = n * heads * head_dim, row = position[n] * head_dim;
      vectorized<turn_heads>(to + at, from + at, cos + row, sin + row, heads, head_dim / 2, direction);
    }
  });
  return y;
}

struct Rope : Function<Rope> {
  static Tensor forward(AutogradContext* context, const Tensor& x_NHd, const Tensor& cos_Pd, const Tensor& sin_Pd,
                        const Tensor& positions_N) {
    context->save_for_backward({cos_Pd, sin_Pd, positions_N});
    return turned(x_NHd, cos_Pd, sin_Pd, positions_N, 1);
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    return {turned(gradients[0], saved[0], saved[1], saved[2], -1), Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor differentiable_rope(const Tensor& x_NHd, const Tensor& cos_Pd, const Tensor& sin_Pd, const Tensor& positions_N) {
  return Rope::apply(x_NHd, cos_Pd, sin_Pd, positions_N);
}

}  // namespace uncurl::kernels
