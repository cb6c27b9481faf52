#include "uncurl/model/initial.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <set>

#include "uncurl/base/hash.h"
#include "uncurl/model/create.h"

namespace uncurl::model {
namespace {

constexpr double kDeviation = 0.02;

/// Names of the matrices whose products are added to the residual stream.
std::set<std::string> residual_names(const ModelConfig& config, const Family& family, const ExpertLayout& layout) {
  const TensorNames& names = family.names;
  std::set<std::string> residual;
  for (std::int64_t layer = 0; layer < config.num_layers(); ++layer) {
    for (const std::string& pattern : {names.o, names.dense_down, names.shared_down}) {
      residual.insert(fill_name(pattern, layer));
    }
    const std::int64_t num_experts = config.layers[static_cast<std::size_t>(layer)].num_experts;
    for (std::int64_t expert = 0; expert < num_experts; ++expert) {
      residual.insert(fill_name(layout.down, layer, expert));
    }
  }
  return residual;
}

}  // namespace

std::vector<InitialTensor> initial_tensors(const ModelConfig& config, const Family& family,
                                           const ExpertLayout& layout) {
  const std::set<std::string> residual = residual_names(config, family, layout);
  const double residual_deviation = kDeviation / std::sqrt(2.0 * static_cast<double>(config.num_layers()));
  std::vector<InitialTensor> tensors;
  for (const checkpoint::TensorSpec& spec : tensor_specs(config, family, layout, "F32")) {
    InitialTensor tensor{.name = spec.name, .shape = spec.shape};
    if (spec.shape.size() > 1) {
      tensor.deviation = residual.contains(spec.name) ? residual_deviation : kDeviation;
    } else {
      tensor.mean = spec.name.ends_with("bias") ? 0.0 : 1.0;
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

Tensor draw(const InitialTensor& tensor, std::uint64_t seed) {
  if (tensor.deviation == 0) return at::full(tensor.shape, tensor.mean, at::kFloat);
  at::Generator generator = at::detail::createCPUGenerator(hash64(tensor.name, seed));
  return at::normal(tensor.mean, tensor.deviation, tensor.shape, generator, at::kFloat);
}

}  // namespace uncurl::model
