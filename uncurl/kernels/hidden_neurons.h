// The hidden neurons of an expert in one pass over the data, forward and backward: gelu(up), or silu(gate) * up where
// the expert is gated.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl::kernels {

using at::Tensor;

/// @param gate_MF  undefined: the expert has no gate; @param up_MF  f32 or bf16 (computed in f32), contiguous
/// @return         [M,F], the dtype of up
Tensor hidden_neurons(const Tensor& gate_MF, const Tensor& up_MF);

struct HiddenGradients {
  Tensor weighted_MF;     ///< w[m] times the hidden neurons of row m
  Tensor gate_MF, up_MF;  ///< gradients of the sum over m of w[m] dh[m] . hidden[m]; of the gate only if there is one
  Tensor weights_M;       ///< and by w: dh[m] . hidden[m], f32
};

/// @param dh_MF      gradient by the hidden neurons of an output that counts w[m] times
/// @param weights_M  w, f32
HiddenGradients hidden_neurons_backward(const Tensor& gate_MF, const Tensor& up_MF, const Tensor& dh_MF,
                                        const Tensor& weights_M);

}  // namespace uncurl::kernels
