// The weights of one gated expert, as views: of a tensor on disk, or of a slice of a fused one. Nothing is stacked,
// so a mapped checkpoint is computed with in place and the number of experts may differ by layer.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl {

using at::Tensor;

/// E(x) = down (silu(gate x) * (up x))
struct Expert {
  Tensor gate;  ///< [F,D]
  Tensor up;    ///< [F,D]
  Tensor down;  ///< [D,F]
};

}  // namespace uncurl
