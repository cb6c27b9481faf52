// Rows of the tokens that one expert serves, taken together for its products and put back where they belong.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace uncurl::kernels {

using at::Tensor;

/// Slots of one expert: slot = token * top_k + choice.
using Slots = std::span<const std::int64_t>;

/// Row m is x[slots[m] / top_k]. Rows of zeros follow, so that oneDNN meets few numbers of rows: for each it builds and
/// keeps code, a millisecond and most of a megabyte.
/// @param x_ND  contiguous; @return [M,D] in its dtype, M the number of slots and up to a sixteenth (at least to a
/// multiple of 16) more
Tensor gather_tokens(const Tensor& x_ND, Slots slots, std::int64_t top_k);

/// y[slots[m]] = rows[m] for every slot; what gather_tokens() has added is left out.
/// @param y_SD  [S,D] contiguous, written; @param rows_MD  its dtype
void scatter_to_slots(Tensor& y_SD, const Tensor& rows_MD, Slots slots);

}  // namespace uncurl::kernels
