// Causal attention with gradients on a CPU, the twin of nn::attention_plain's backward and tested against it.
//
// FlashAttention's backward pass (Dao et al. 2022, arXiv 2205.14135, algorithm 4): the weights are made again block by
// block from the queries, the keys and the log of each query's sum. Blocks are kept with the keys as rows and the
// queries as columns, so that none of the five products needs a block turned. One thread computes all that a key head
// of a row gets, in one order: the number of threads changes no bit.
#pragma once

#include "uncurl/kernels/attention.h"

namespace uncurl::kernels {

/// Arguments and result as nn::attention, f32 or bf16, differentiable with respect to q, k and v. The backward pass
/// computes in f32. Needs has_causal_attention() for f32 and for the dtype.
/// Memory kept for it: q, k, v and the result, and a number for each token and head.
Tensor differentiable_attention(const Tensor& q_NHd, const Tensor& k_NHd, const Tensor& v_NHd,
                                const std::vector<std::int64_t>& begins, double scale, std::int64_t window);

}  // namespace uncurl::kernels
