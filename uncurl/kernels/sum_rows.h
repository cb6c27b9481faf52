// Sums over rows in one order.
//
// Where columns are few libtorch shares the rows out among its threads, and so does oneDNN for the product with a row
// of ones: roundings then change with their number.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl::kernels {

using at::Tensor;

/// Column sums [O] of x [N,O], f32 or bf16 on the CPU, in its dtype: summed in f32 in blocks of rows, then over the
/// blocks.
Tensor sum_rows(const Tensor& x);

}  // namespace uncurl::kernels
