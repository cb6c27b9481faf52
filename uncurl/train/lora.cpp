#include "uncurl/train/lora.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "uncurl/base/error.h"
#include "uncurl/base/hash.h"
#include "uncurl/base/join.h"
#include "uncurl/base/random.h"
#include "uncurl/nn/linear.h"
#include "uncurl/tensor/autocast.h"
#include "uncurl/train/selection.h"

namespace uncurl::train {
namespace {

Tensor draw_uniform(const std::string& name, std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  Rng rng(hash64(name, seed));
  Tensor values = at::empty({rows, columns}, at::kFloat);
  auto* const data = values.data_ptr<float>();
  const double bound = 1 / std::sqrt(static_cast<double>(columns));
  for (std::int64_t i = 0; i < values.numel(); ++i) data[i] = static_cast<float>((2 * rng.uniform() - 1) * bound);
  return values;
}

}  // namespace

Tensor LowRank::updated(const Tensor& weight) const {
  const Autocast off(weight.device().type(), std::nullopt);  // a small change must not be lost by rounding the sum
  return weight + scale * nn::linear(b, a.t());
}

std::map<std::string, LowRank> draw_low_rank(const std::vector<Parameter>& parameters, const LoraConfig& config,
                                             std::uint64_t seed) {
  std::map<std::string, LowRank> updates;
  if (config.rank == 0) return updates;
  const std::vector<bool> chosen = select(parameters, config.targets, {}, "lora.targets");
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    const Tensor& weight = *parameters[p].value;
    if (!chosen[p] || weight.dim() != 2) continue;
    const std::int64_t rows = weight.size(0), columns = weight.size(1);
    check(config.rank <= std::max(rows, columns), "lora.rank is ", config.rank, ", but ", parameters[p].name, " is [",
          rows, ", ", columns, "], whose own rank is smaller; choose a lower one");
    updates[parameters[p].name] = {draw_uniform(parameters[p].name, config.rank, columns, seed).to(weight.device()),
                                   at::zeros({rows, config.rank}, weight.options()),
                                   config.alpha / static_cast<double>(config.rank)};
  }
  check(!updates.empty(), "lora.targets: none of ", join(config.targets), " is a matrix");
  return updates;
}

}  // namespace uncurl::train
