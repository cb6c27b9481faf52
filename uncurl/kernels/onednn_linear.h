// y = x w^T + b on the CPU through oneDNN, in fp32 as well as in bf16.
//
// libtorch sends fp32 products to MKL, which runs at half of oneDNN's speed on AMD processors and whose rounding
// depends on the number of threads. The oneDNN product has neither fault, but no backward.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl::kernels {

using at::Tensor;

/// @param x [N,I], @param weight [O,I], both on the CPU and of one dtype (f32 or bf16), no gradient wanted
/// @param bias [O] or undefined; a sum in bf16 is rounded once, with the bias
/// @return  [N,O]
/// Falls back to at::linear where this build of libtorch has no oneDNN.
Tensor onednn_linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

/// Column sums [O] of x [N,O] in one order: where columns are few libtorch shares the rows out among its threads, while
/// the product with a row of ones has one order for any number of them.
Tensor sum_rows(const Tensor& x);

}  // namespace uncurl::kernels
