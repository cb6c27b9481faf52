// The weights of one expert, as views: of a tensor on disk, or of a slice of a fused one. Nothing is stacked,
// so what was read of a file is computed with in place and the number of experts may differ by layer.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl {

using at::Tensor;

/// Gated: E(x) = down (silu(gate x) * (up x)). Without a gate, as in GPT-2:
/// E(x) = down gelu(up x + up_bias) + down_bias, gelu in its tanh form.
struct Expert {
  Tensor gate;       ///< [F,D]; undefined: the expert has no gate
  Tensor up;         ///< [F,D]
  Tensor down;       ///< [D,F]
  Tensor up_bias;    ///< [F], moves with the hidden neurons; undefined where gated
  Tensor down_bias;  ///< [D], does not depend on their order; undefined where gated
};

}  // namespace uncurl
