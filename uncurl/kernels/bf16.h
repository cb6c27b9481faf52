// Runs of bf16 numbers to fp32 and back, in loops that the compiler vectorises.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

namespace uncurl::kernels {

/// out[i] = values[i], which fp32 holds exactly.
void widen_bf16(float* out_n, const at::BFloat16* values_n, std::int64_t n);

/// out[i] = values[i] to the nearest, ties to even; NaN stays NaN.
void round_to_bf16(at::BFloat16* out_n, const float* values_n, std::int64_t n);

}  // namespace uncurl::kernels
