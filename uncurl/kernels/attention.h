// Causal attention over packed rows on a CPU, the twin of nn::attention_plain and tested against it.
//
// FlashAttention (Dao et al. 2022, arXiv 2205.14135) with the blocks of a CPU's caches: scores of a block of queries
// and a block of keys, the running softmax, the sum of values. libtorch's own goes through a product that reaches a
// third of the rate of this one. A block of queries is computed by one thread whatever their number.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace uncurl::kernels {

using at::Tensor;

/// True if causal_attention() runs here for this dtype.
bool has_causal_attention(at::ScalarType dtype);

struct Attended {
  Tensor out_NHd;
  Tensor log_sums_NH;  ///< [N,H] f32, log of the sum over the keys of exp(scale * score)
};

/// Arguments and result as nn::attention. f32 or bf16, no gradient; scores and sums are fp32, weights of the values are
/// rounded to the dtype as libtorch does.
/// Memory: the keys and values once more, and 0.4 MB a thread.
Attended causal_attention(const Tensor& q_NHd, const Tensor& k_NHd, const Tensor& v_NHd,
                          const std::vector<std::int64_t>& begins, double scale, std::int64_t window);

}  // namespace uncurl::kernels
