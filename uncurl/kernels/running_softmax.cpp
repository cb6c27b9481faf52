#include "uncurl/kernels/running_softmax.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "uncurl/kernels/vector_exp.h"

namespace uncurl::kernels {
namespace {

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
