// The experts of a layer with gradients, forward and backward, the twin of nn::expert_output called one expert after
// the other.
//
// A product of one expert is too small for two threads to share well. Each thread computes some 1,024 rows of one
// expert at a time, so that no other waits for it where most tokens choose the same; what the rows of an expert give
// for its weights is added in their order, so the number of threads changes no bit of it.
#pragma once

#include <vector>

#include "uncurl/kernels/expert.h"
#include "uncurl/kernels/moe.h"

namespace uncurl::kernels {

/// out[n] = sum over k of gates[n,k] E_e(x[n]), e the expert that has slot n K + k in the queue.
/// @param x_ND      f32 on the CPU
/// @param experts   f32, or bf16 for products as under autocast; one without slots gets no gradient (an undefined one)
/// @param gates_NK  f32
/// @return          [N,D] f32, differentiable with respect to x, the gates and all tensors of the experts
/// Memory kept for the backward pass: N K F numbers, twice that where experts are gated.
Tensor differentiable_experts(const Tensor& x_ND, const std::vector<Expert>& experts, const ExpertQueue& queue,
                              const Tensor& gates_NK);

}  // namespace uncurl::kernels
