// AdamW over the trained tensors (Loshchilov and Hutter 2019), libtorch's fused step.
#pragma once

#include <string>
#include <vector>

#include "uncurl/train/config.h"
#include "uncurl/train/weights.h"

namespace uncurl::train {

/// A tensor that gradients change. A tensor that got no gradient in a step counts as one with a gradient of zero, so
/// that what an expert without tokens does not depend on how a step is cut into pieces.
struct Trained {
  std::string name;
  Tensor value;                 ///< a leaf that requires a gradient
  bool decays = true;           ///< by weight_decay
  Tensor mean, variance, step;  ///< of the optimiser: fp32 of the same shape, and a scalar
};

Trained make_trained(std::string name, const Tensor& value, bool decays);

/// The norm of all gradients together; the same for any number of threads. Each row of a gradient is summed in its
/// dtype, the rows in fp64; not finite where a row has squares beyond its dtype.
double gradient_norm(const std::vector<Trained>& trained);

/// One step with the gradients that backward left, scaled down to norm `config.clip` where `norm` is larger; then the
/// gradients are gone.
void adamw_step(std::vector<Trained>& trained, const OptimizerConfig& config, double learning_rate, double norm);

}  // namespace uncurl::train
