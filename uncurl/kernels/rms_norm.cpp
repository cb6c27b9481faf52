#include "uncurl/kernels/rms_norm.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>

#include "uncurl/kernels/cpu_level.h"
#include "uncurl/kernels/row_blocks.h"
#include "uncurl/kernels/sum_rows.h"

namespace uncurl::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

void forward_rows(float* y, float* inverses, const float* x, const float* weight, std::int64_t rows, std::int64_t width,
                  float epsilon) {
  for (std::int64_t row = 0; row < rows; ++row, x += width, y += width) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t d = 0; d < width; ++d) sum += x[d] * x[d];
    const float inverse = 1.0f / std::sqrt(sum / static_cast<float>(width) + epsilon);
    inverses[row] = inverse;
#pragma omp simd
    for (std::int64_t d = 0; d < width; ++d) y[d] = weight[d] * (x[d] * inverse);
  }
}

/// dx = inverse (weight dy) - x inverse^3 mean(weight dy x); dweight += dy x inverse
void backward_rows(float* dx, float* dweight, const float* dy, const float* x, const float* weight,
                   const float* inverses, std::int64_t rows, std::int64_t width) {
  for (std::int64_t row = 0; row < rows; ++row, x += width, dy += width, dx += width) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t d = 0; d < width; ++d) sum += weight[d] * dy[d] * x[d];
    const float inverse = inverses[row];
    const float along = inverse * inverse * inverse * sum / static_cast<float>(width);
#pragma omp simd
    for (std::int64_t d = 0; d < width; ++d) {
      dweight[d] += dy[d] * (x[d] * inverse);
      dx[d] = inverse * (weight[d] * dy[d]) - along * x[d];
    }
  }
}

std::int64_t rows_of(const Tensor& x) { return x.numel() / std::max<std::int64_t>(x.size(-1), 1); }

struct RmsNorm : Function<RmsNorm> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight, double epsilon) {
    Tensor y = at::empty_like(x), inverses = at::empty({rows_of(x)}, x.options());
    const auto *const from = x.const_data_ptr<float>(), *const scale = weight.const_data_ptr<float>();
    auto *const to = y.mutable_data_ptr<float>(), *const kept = inverses.mutable_data_ptr<float>();
    const std::int64_t width = x.size(-1);
    for_each_row_block(rows_of(x), [&](std::int64_t, std::int64_t first, std::int64_t count) {
      vectorized<forward_rows>(to + first * width, kept + first, from + first * width, scale, count, width,
                               static_cast<float>(epsilon));
    });
    context->save_for_backward({x, weight, inverses});
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const Tensor dy = gradients[0].contiguous(), &x = saved[0];
    const std::int64_t width = x.size(-1), rows = rows_of(x);
    Tensor dx = at::empty_like(x), by_block = at::zeros({row_blocks(rows), width}, x.options());
    auto *const to = dx.mutable_data_ptr<float>(), *const sums = by_block.mutable_data_ptr<float>();
    const auto *const by = dy.const_data_ptr<float>(), *const from = x.const_data_ptr<float>(),
                      *const scale = saved[1].const_data_ptr<float>(),
                      *const inverses = saved[2].const_data_ptr<float>();
    for_each_row_block(rows, [&](std::int64_t block, std::int64_t first, std::int64_t count) {
      const std::int64_t at = first * width;
      vectorized<backward_rows>(to + at, sums + block * width, by + at, from + at, scale, inverses + first, count,
                                width);
    });
    return {dx, sum_rows(by_block), Tensor()};
  }
};

}  // namespace

Tensor differentiable_rms_norm(const Tensor& x, const Tensor& weight, double epsilon) {
  return RmsNorm::apply(x.contiguous(), weight.contiguous(), epsilon);
}

}  // namespace uncurl::kernels
