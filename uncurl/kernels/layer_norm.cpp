#include "uncurl/kernels/layer_norm.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "uncurl/kernels/cpu_level.h"
#include "uncurl/kernels/row_blocks.h"
#include "uncurl/kernels/sum_rows.h"

namespace uncurl::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/// With n = (x - mean) / deviation and g = weight dy:
/// dx = (g - mean(g) - n mean(g n)) / deviation; dweight += dy n; dbias += dy
void backward_rows(float* dx, float* dweight, float* dbias, const float* dy, const float* x, const float* weight,
                   const float* means, const float* inverses, std::int64_t rows, std::int64_t width) {
  for (std::int64_t row = 0; row < rows; ++row, x += width, dy += width, dx += width) {
    const float mean = means[row], inverse = inverses[row];
    float sum = 0, along = 0;
#pragma omp simd reduction(+ : sum, along)
    for (std::int64_t d = 0; d < width; ++d) {
      const float g = weight[d] * dy[d], n = (x[d] - mean) * inverse;
      sum += g;
      along += g * n;
      dweight[d] += dy[d] * n;
      dbias[d] += dy[d];
    }
    sum /= static_cast<float>(width);
    along /= static_cast<float>(width);
#pragma omp simd
    for (std::int64_t d = 0; d < width; ++d) {
      dx[d] = inverse * (weight[d] * dy[d] - sum - (x[d] - mean) * inverse * along);
    }
  }
}

struct LayerNorm : Function<LayerNorm> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight, const Tensor& bias,
                        double epsilon) {
    const auto [y, means, inverses] = at::native_layer_norm(x, {x.size(-1)}, weight, bias, epsilon);
    context->save_for_backward({x, weight, means, inverses});
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const Tensor dy = gradients[0].contiguous(), &x = saved[0];
    const std::int64_t width = x.size(-1), rows = x.size(0);
    Tensor dx = at::empty_like(x), dweights = at::zeros({row_blocks(rows), width}, x.options());
    Tensor dbiases = at::zeros_like(dweights);
    auto* const to = dx.mutable_data_ptr<float>();
    auto *const by_weight = dweights.mutable_data_ptr<float>(), *const by_bias = dbiases.mutable_data_ptr<float>();
    const auto *const by = dy.const_data_ptr<float>(), *const from = x.const_data_ptr<float>(),
                      *const weight = saved[1].const_data_ptr<float>(), *const means = saved[2].const_data_ptr<float>(),
                      *const inverses = saved[3].const_data_ptr<float>();
    for_each_row_block(rows, [&](std::int64_t block, std::int64_t first, std::int64_t count) {
      const std::int64_t at = first * width;
      vectorized<backward_rows>(to + at, by_weight + block * width, by_bias + block * width, by + at, from + at, weight,
                                means + first, inverses + first, count, width);
    });
    return {dx, sum_rows(dweights), sum_rows(dbiases), Tensor()};
  }
};

}  // namespace

Tensor differentiable_layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon) {
  return LayerNorm::apply(x.contiguous(), weight.contiguous(), bias, epsilon);
}

}  // namespace uncurl::kernels
