// The softmax of scores that come block by block.
#pragma once

#include <cstdint>
#include <limits>

namespace uncurl::kernels {

/// Of one query so far: its weights are exp(score - maximum), `sum` is theirs.
struct RunningSoftmax {
  float maximum = -std::numeric_limits<float>::infinity();
  float sum = 0;

  /// Takes in a block of n > 0 scores and writes their weights, exp(scale * score - maximum), over them.
  /// @return the factor that brings the weights of earlier blocks to the new maximum
  float add_(float* scores_n, std::int64_t n, float scale);
};

}  // namespace uncurl::kernels
