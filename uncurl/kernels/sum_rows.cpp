#include "uncurl/kernels/sum_rows.h"

#include <ATen/ATen.h>

#include "uncurl/kernels/cpu_level.h"
#include "uncurl/kernels/row_blocks.h"

namespace uncurl::kernels {
namespace {

/// sums += every row
void add_rows(float* sums, const float* x, std::int64_t rows, std::int64_t width) {
  for (std::int64_t row = 0; row < rows; ++row, x += width) {
#pragma omp simd
    for (std::int64_t d = 0; d < width; ++d) sums[d] += x[d];
  }
}

}  // namespace

Tensor sum_rows(const Tensor& x) {
  const Tensor rows = x.to(at::kFloat).contiguous();
  const std::int64_t width = x.size(1), blocks = row_blocks(x.size(0));
  Tensor by_block = at::zeros({blocks, width}, rows.options()), sums = at::zeros({width}, rows.options());
  const auto* const from = rows.const_data_ptr<float>();
  auto* const partial = by_block.mutable_data_ptr<float>();
  for_each_row_block(x.size(0), [&](std::int64_t block, std::int64_t first, std::int64_t count) {
    vectorized<add_rows>(partial + block * width, from + first * width, count, width);
  });
  vectorized<add_rows>(sums.mutable_data_ptr<float>(), partial, blocks, width);
  return sums.to(x.scalar_type());
}

}  // namespace uncurl::kernels
