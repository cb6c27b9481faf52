#include "uncurl/kernels/running_softmax.h"

#include <algorithm>
#include <bit>
#include <cmath>

// Compiled for several generations of processors; the right one is taken when the program starts, in a way that
// sanitizers do not know.
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define UNCURL_FOR_EACH_CPU __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define UNCURL_FOR_EACH_CPU
#endif

namespace uncurl::kernels {
namespace {

/// e^x for x <= 0, to 2e-7 of itself; below e^-87 that. The loops below need an exponential that the compiler can
/// inline: the vectors of libm are for programs that give up NaN. Polynomial of Cephes' expf (Moshier).
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

UNCURL_FOR_EACH_CPU float maximum_of(const float* values, std::int64_t n) {
  float maximum = values[0];
#pragma omp simd reduction(max : maximum)
  for (std::int64_t i = 1; i < n; ++i) maximum = values[i] > maximum ? values[i] : maximum;
  return maximum;
}

/// @return their sum
UNCURL_FOR_EACH_CPU float to_weights_(float* scores, std::int64_t n, float scale, float maximum) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < n; ++i) {
    const float weight = exp_of_negative(scale * scores[i] - maximum);
    scores[i] = weight;
    sum += weight;
  }
  return sum;
}

/// The upper half of the bits, ties to even.
UNCURL_FOR_EACH_CPU void round_bits(std::uint16_t* out, const float* values, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(values[i]);
    out[i] = static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
  }
}

}  // namespace

float RunningSoftmax::add_(float* scores_n, std::int64_t n, float scale) {
  const float before = maximum;
  maximum = std::max(maximum, scale * maximum_of(scores_n, n));
  const float factor = std::exp(before - maximum);
  sum = sum * factor + to_weights_(scores_n, n, scale, maximum);
  return factor;
}

void round_weights(at::BFloat16* out_n, const float* values_n, std::int64_t n) {
  static_assert(sizeof(at::BFloat16) == sizeof(std::uint16_t));
  round_bits(reinterpret_cast<std::uint16_t*>(out_n), values_n, n);
}

}  // namespace uncurl::kernels
