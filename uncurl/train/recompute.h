// A layer that keeps its input alone: it runs again in the backward pass (Chen et al. 2016).
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace uncurl::train {

using at::Tensor;

/// What the layer gives for its input: the hidden states, and perhaps further differentiable tensors.
using LayerFunction = std::function<std::vector<Tensor>(const Tensor& hidden)>;

/// run(hidden), whose intermediate results are not kept. `run` is called a second time by the backward pass; gradients
/// of the leaves that it uses are added to their grad() there. Both calls run with gradients, so that results and
/// gradients are those of run(hidden) to the last bit.
/// @param anchor  any tensor that requires a gradient: it tells libtorch that the result does, even if `hidden` does
/// not
std::vector<Tensor> run_and_recompute(const Tensor& hidden, const Tensor& anchor, const LayerFunction& run);

}  // namespace uncurl::train
