// The paper throws the old router away and draws a new one; only training makes it route. The spread is that of the
// old rows, so that the gates begin as sharp as they were.
#include <ATen/ATen.h>

#include "uncurl/base/hash.h"
#include "uncurl/base/random.h"
#include "uncurl/prune/routers/table.h"
#include "uncurl/tensor/threads.h"

namespace uncurl::prune {

at::Tensor random_rows(const RouterInput& input) {
  const SingleThread single;
  const double spread = input.router_ED.to(at::kDouble).square().mean().sqrt().item<double>();
  Rng rng(hash64(input.seed, static_cast<std::uint64_t>(input.layer.layer)));
  const auto num_rows = static_cast<std::int64_t>(input.groups.size());
  std::vector<float> values(static_cast<std::size_t>(num_rows * input.router_ED.size(1)));
  for (float& value : values) value = static_cast<float>(spread * rng.normal());
  return at::tensor(values, at::kFloat).view({num_rows, input.router_ED.size(1)});
}

}  // namespace uncurl::prune
