// The experts of a layer with gradients: one thread per expert, forward and backward, the twin of
// nn::expert_output called one expert after the other.
//
// A product of one expert is too small for two threads to share well; whole experts are not. Every gradient is computed
// by one thread in one order, so the number of threads changes no bit of it.
#pragma once

#include <vector>

#include "uncurl/kernels/expert.h"

namespace uncurl::kernels {

/// Row i of the result is E_e(x_i), e the expert whose piece of the rows i lies in.
/// @param x_SD      [S,D] f32 on the CPU, the rows of expert 0, then those of expert 1 ...
/// @param counts_E  rows of each expert; an expert without rows gets no gradient (an undefined one)
/// @param products  dtype of the matrix products: f32, or bf16 as under autocast
/// @return          [S,D] f32, differentiable with respect to x and all tensors of the experts, which are f32
/// Memory kept for the backward pass: S (D + F) numbers, 2 F where experts are gated.
Tensor differentiable_experts(const Tensor& x_SD, const std::vector<Expert>& experts,
                              const std::vector<std::int64_t>& counts_E, at::ScalarType products);

}  // namespace uncurl::kernels
