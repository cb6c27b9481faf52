// Random weights to start training from, by the rule of GPT-2: normal with deviation 0.02, what adds to the residual
// stream divided by the root of how often that happens (twice a layer), biases zero, norms one. Routers are drawn as
// other matrices are.
#pragma once

#include <string>
#include <vector>

#include "uncurl/model/weights.h"

namespace uncurl::model {

struct InitialTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  double mean = 0;
  double deviation = 0;
};

/// In the order of tensor_specs.
std::vector<InitialTensor> initial_tensors(const ModelConfig& config, const Family& family, const ExpertLayout& layout);

/// fp32. The values depend on the tensor's name, its shape and the seed alone, so tensors may be drawn in any order and
/// by any number of threads. A fused tensor and the ones it replaces are drawn apart, as different tensors.
Tensor draw(const InitialTensor& tensor, std::uint64_t seed);

}  // namespace uncurl::model
