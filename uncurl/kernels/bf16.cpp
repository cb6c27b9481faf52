#include "uncurl/kernels/bf16.h"

#include <bit>

#include "uncurl/kernels/cpu_level.h"

namespace uncurl::kernels {
namespace {

static_assert(sizeof(at::BFloat16) == sizeof(std::uint16_t));

void widen_bits(float* out, const std::uint16_t* values, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) out[i] = std::bit_cast<float>(static_cast<std::uint32_t>(values[i]) << 16);
}

void round_bits(std::uint16_t* out, const float* values, std::int64_t n) {
  constexpr std::uint32_t kNaN = 0x7fc0;
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(values[i]);
    const std::uint32_t rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
    const bool is_nan = (bits & 0x7fffffffU) > 0x7f800000U;
    out[i] = static_cast<std::uint16_t>(is_nan ? kNaN : rounded);
  }
}

}  // namespace

void widen_bf16(float* out_n, const at::BFloat16* values_n, std::int64_t n) {
  vectorized<widen_bits>(out_n, reinterpret_cast<const std::uint16_t*>(values_n), n);
}

void round_to_bf16(at::BFloat16* out_n, const float* values_n, std::int64_t n) {
  vectorized<round_bits>(reinterpret_cast<std::uint16_t*>(out_n), values_n, n);
}

}  // namespace uncurl::kernels
