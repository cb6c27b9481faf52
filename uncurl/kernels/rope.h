// Rotary positions (Su et al. 2021) with their gradient in one pass; the twin of nn::apply_rope's plain operations.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl::kernels {

using at::Tensor;

/// Every pair (x[i], x[i + d/2]) of token n and each head is turned by the angle of position positions[n]; the gradient
/// by x is turned back.
/// @param x_NHd        f32 on the CPU
/// @param cos_Pd       f32, contiguous, both halves of a row the same; @param sin_Pd likewise
/// @param positions_N  int64, each in [0, P)
Tensor differentiable_rope(const Tensor& x_NHd, const Tensor& cos_Pd, const Tensor& sin_Pd, const Tensor& positions_N);

}  // namespace uncurl::kernels
