// Where and in which precision a model runs. Made by the caller, passed by const reference.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl {

struct Compute {
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;  ///< of weights and activations; router scores and norms are fp32 in any case
};

}  // namespace uncurl
