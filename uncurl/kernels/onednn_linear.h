// y = x w^T + b on the CPU through oneDNN, in fp32 as well as in bf16.
//
// libtorch sends fp32 products to MKL, which runs at half of oneDNN's speed on AMD processors and whose rounding
// depends on the number of threads. The oneDNN product has neither fault, but no backward; where a sum is so long that
// oneDNN would let threads take a part each, it is cut here.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl::kernels {

using at::Tensor;

/// @param x [N,I], @param weight [O,I], both on the CPU and of one dtype (f32 or bf16), no gradient wanted
/// @param bias [O] or undefined; a sum in bf16 is rounded once, with the bias
/// @return  [N,O]
/// Falls back to at::linear where this build of libtorch has no oneDNN.
Tensor onednn_linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

/// y = x w^T, or y += x w^T.
/// @param y [N,O], contiguous, of the dtype of x and weight and apart from both
void onednn_linear_into_(Tensor& y, const Tensor& x, const Tensor& weight, bool add);

/// dy^T x: the gradient of a weight, by the loss through y = x w^T. Where processor and dtype allow (AVX-512, f32)
/// oneDNN turns dy block by block in the cache.
/// @param dy [N,O], @param x [N,I], on the CPU and of one dtype (f32 or bf16), no gradient wanted
/// @return  [O,I]
Tensor weight_gradient(const Tensor& dy, const Tensor& x);

/// sum += dy^T x. @param sum [O,I], f32, contiguous
void add_weight_gradient_(Tensor& sum, const Tensor& dy, const Tensor& x);

}  // namespace uncurl::kernels
