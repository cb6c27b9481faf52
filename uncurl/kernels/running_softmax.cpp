#include "uncurl/kernels/running_softmax.h"

#include <algorithm>
#include <cmath>

#include "uncurl/kernels/cpu_level.h"
#include "uncurl/kernels/vector_exp.h"

namespace uncurl::kernels {
namespace {

float maximum_of(const float* values, std::int64_t n) {
  float maximum = values[0];
#pragma omp simd reduction(max : maximum)
  for (std::int64_t i = 1; i < n; ++i) maximum = values[i] > maximum ? values[i] : maximum;
  return maximum;
}

/// @return their sum
float to_weights_(float* scores, std::int64_t n, float scale, float maximum) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < n; ++i) {
    const float weight = exp_of_negative(scale * scores[i] - maximum);
    scores[i] = weight;
    sum += weight;
  }
  return sum;
}

}  // namespace

float RunningSoftmax::add_(float* scores_n, std::int64_t n, float scale) {
  const float before = maximum;
  maximum = std::max(maximum, scale * vectorized<maximum_of>(scores_n, n));
  const float factor = std::exp(before - maximum);
  sum = sum * factor + vectorized<to_weights_>(scores_n, n, scale, maximum);
  return factor;
}

}  // namespace uncurl::kernels
