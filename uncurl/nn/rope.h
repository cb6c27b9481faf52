// Rotary positions (Su et al. 2021) in the half-split layout of transformers: dimension i turns with i + head_dim/2.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl::nn {

using at::Tensor;

struct RopeTables {
  Tensor cos;  ///< [P,head_dim] for positions 0..P-1
  Tensor sin;  ///< [P,head_dim]
};

/// Inverse frequencies theta^(-2i/head_dim), fp32. @return [head_dim/2]
Tensor rope_frequencies(std::int64_t head_dim, double theta);

/// Angles are computed in fp32 and then cast: rounding the frequencies themselves would move far positions.
RopeTables rope_tables(const Tensor& frequencies, std::int64_t num_positions, at::ScalarType dtype);

/// @param x_NHd     [N,H,head_dim]
/// @param positions [N] int64, each below the tables' length
Tensor apply_rope(const Tensor& x_NHd, const RopeTables& tables, const Tensor& positions);

}  // namespace uncurl::nn
