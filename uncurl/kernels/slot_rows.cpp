#include "uncurl/kernels/slot_rows.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

namespace uncurl::kernels {
namespace {

/// 16 sizes per octave from 256 on, multiples of 16 below.
std::int64_t padded(std::int64_t rows) {
  const auto octave = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(rows)));
  const std::int64_t step = std::max<std::int64_t>(16, octave / 16);
  return (rows + step - 1) / step * step;
}

std::size_t row_bytes(const Tensor& rows) { return static_cast<std::size_t>(rows.size(1)) * rows.element_size(); }

}  // namespace

Tensor gather_tokens(const Tensor& x_ND, Slots slots, std::int64_t top_k) {
  assert(x_ND.is_contiguous());
  const auto rows = static_cast<std::int64_t>(slots.size());
  Tensor out_MD = at::empty({padded(rows), x_ND.size(1)}, x_ND.options());
  out_MD.narrow(0, rows, out_MD.size(0) - rows).zero_();
  const std::size_t bytes = row_bytes(x_ND);
  const auto* const from = static_cast<const char*>(x_ND.const_data_ptr());
  auto* const to = static_cast<char*>(out_MD.mutable_data_ptr());
  for (std::size_t m = 0; m < slots.size(); ++m) {
    std::memcpy(to + m * bytes, from + static_cast<std::size_t>(slots[m] / top_k) * bytes, bytes);
  }
  return out_MD;
}

void scatter_to_slots(Tensor& y_SD, const Tensor& rows_MD, Slots slots) {
  assert(y_SD.is_contiguous() && y_SD.scalar_type() == rows_MD.scalar_type());
  const Tensor rows = rows_MD.contiguous();
  const std::size_t bytes = row_bytes(y_SD);
  const auto* const from = static_cast<const char*>(rows.const_data_ptr());
  auto* const to = static_cast<char*>(y_SD.mutable_data_ptr());
  for (std::size_t m = 0; m < slots.size(); ++m) {
    std::memcpy(to + static_cast<std::size_t>(slots[m]) * bytes, from + m * bytes, bytes);
  }
}

}  // namespace uncurl::kernels
