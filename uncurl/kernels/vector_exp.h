// An exponential and a sigmoid that the compiler can inline into loops and vectorise: the vectors of libm are for
// programs that give up NaN.
#pragma once

#include <bit>
#include <cstdint>

namespace uncurl::kernels {

/// e^x for x <= 0, to 2e-7 of itself; below e^-87 that; NaN for NaN. Polynomial of Cephes' expf (Moshier).
inline float exp_of_negative(float x) {
  constexpr float kLog2E = 1.44269504f, kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  constexpr float kToInteger = 12582912.0f;  // 1.5 * 2^23: what is added to it is rounded to an integer
  const float clamped = x < -87.0f ? -87.0f : x;
  const float shifted = clamped * kLog2E + kToInteger;
  const float n = shifted - kToInteger;
  const float r = clamped - n * kLn2High - n * kLn2Low;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const std::uint32_t exponent = (std::bit_cast<std::uint32_t>(shifted) << 23) + (127U << 23);  // of 2^n
  return p * std::bit_cast<float>(exponent);
}

/// 1 / (1 + e^-x), to 3e-7 of itself.
inline float sigmoid(float x) {
  const float e = exp_of_negative(x < 0 ? x : -x);
  return (x < 0 ? e : 1.0f) / (1.0f + e);
}

}  // namespace uncurl::kernels
