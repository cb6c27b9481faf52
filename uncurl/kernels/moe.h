// The expert layer on a CPU: some rows of one expert a thread, the twin of nn::experts_plain and tested against it.
//
// A product of one expert is too small for two threads to share well, so each takes rows of its own. Every row of the
// result is computed by one thread from one row of the input: the number of threads cannot change a bit of it.
#pragma once

#include <vector>

#include "uncurl/kernels/expert.h"

namespace uncurl::kernels {

/// Which rows meet which expert: slots sorted by expert, stable, so rows ascend within an expert.
struct ExpertQueue {
  std::vector<std::int64_t> slots;   ///< [N*K] slot = token * K + choice, grouped by expert
  std::vector<std::int64_t> begins;  ///< [E+1] expert e owns slots[begins[e], begins[e+1])
};

/// Counting sort of ids [N,K] (int64, contiguous, each in [0, num_experts)).
ExpertQueue sort_by_expert(const Tensor& ids_NK, std::int64_t num_experts);

/// Fills slot rows: y[slot] = E_{ids[slot]}(x[slot / K]) for every slot, unweighted.
/// @param y_SD    [N*K,D] written, dtype of x
/// @param x_ND    [N,D] f32 or bf16, contiguous
void expert_outputs(Tensor& y_SD, const Tensor& x_ND, const std::vector<Expert>& experts, const ExpertQueue& queue,
                    std::int64_t top_k);

/// Combines slot rows with their gates in slot order: out[n] = sum_k gates[n,k] y[n*K+k], summed in fp32.
/// @param gates_NK  [N,K] in the dtype of y (products are rounded to it) or f32 (they are not)
/// @param norms_NK  if defined, [N,K] f32, filled with |y[n*K+k]|
Tensor combine(const Tensor& y_SD, const Tensor& gates_NK, Tensor norms_NK);

}  // namespace uncurl::kernels
