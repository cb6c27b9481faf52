#include "uncurl/nn/rope.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/functions/utils.h>

#include "uncurl/kernels/rope.h"

namespace uncurl::nn {

Tensor rope_frequencies(std::int64_t head_dim, double theta) {
  const Tensor exponents = at::arange(0, head_dim, 2, at::kLong).to(at::kFloat) / static_cast<double>(head_dim);
  return 1.0 / at::pow(at::Scalar(theta), exponents);
}

RopeTables rope_tables(const Tensor& frequencies, std::int64_t num_positions, at::ScalarType dtype) {
  const Tensor positions = at::arange(num_positions, frequencies.options());
  const Tensor half = at::outer(positions, frequencies);
  const Tensor angles = at::cat({half, half}, /*dim=*/-1);
  return {angles.cos().to(dtype), angles.sin().to(dtype)};
}

Tensor apply_rope(const Tensor& x_NHd, const RopeTables& tables, const Tensor& positions) {
  const bool wants_gradient = torch::autograd::compute_requires_grad(x_NHd);
  if (wants_gradient && x_NHd.is_cpu() && x_NHd.scalar_type() == at::kFloat && tables.cos.scalar_type() == at::kFloat) {
    return kernels::differentiable_rope(x_NHd, tables.cos, tables.sin, positions);
  }
  const Tensor cos = tables.cos.index_select(0, positions).unsqueeze(1);
  const Tensor sin = tables.sin.index_select(0, positions).unsqueeze(1);
  const auto halves = x_NHd.chunk(2, /*dim=*/-1);
  const Tensor turned = at::cat({-halves[1], halves[0]}, /*dim=*/-1);
  return x_NHd * cos + turned * sin;
}

}  // namespace uncurl::nn
