// The activations of experts and their slopes at one number, for loops that the compiler vectorises.
#pragma once

#include "uncurl/kernels/vector_exp.h"

namespace uncurl::kernels {

struct Activation {
  float value, slope;
};

/// x sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3)): GELU in its tanh form (Hendrycks and Gimpel 2016).
inline Activation gelu_at(float x) {
  constexpr float kTwiceSqrt = 1.5957691216f;  // 2 sqrt(2/pi)
  constexpr float kCubic = 0.044715f;
  const float s = sigmoid(kTwiceSqrt * (x + kCubic * x * x * x));
  const float inner = kTwiceSqrt * (1.0f + 3.0f * kCubic * x * x);
  return {x * s, s + x * s * (1.0f - s) * inner};
}

/// x sigmoid(x) (Elfwing et al. 2018).
inline Activation silu_at(float x) {
  const float s = sigmoid(x);
  return {x * s, s + x * s * (1.0f - s)};
}

}  // namespace uncurl::kernels
