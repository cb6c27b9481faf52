// Random experts for the tests of kernels, nn and model.
#pragma once

#include <cmath>
#include <vector>

#include "tests/support/expect_near.h"
#include "uncurl/kernels/expert.h"

namespace uncurl::test {

/// `num_experts` of them with inner width F and model width D; outputs keep the size of inputs.
inline std::vector<Expert> random_experts(std::int64_t num_experts, std::int64_t inner, std::int64_t width,
                                          at::ScalarType dtype, std::uint64_t seed) {
  std::vector<Expert> experts;
  const double in_scale = 1.0 / std::sqrt(static_cast<double>(width));
  const double out_scale = 1.0 / std::sqrt(static_cast<double>(inner));
  for (std::int64_t e = 0; e < num_experts; ++e) {
    const std::uint64_t base = 1000 * seed + 3 * static_cast<std::uint64_t>(e);
    experts.push_back({(random_tensor({inner, width}, base) * in_scale).to(dtype),
                       (random_tensor({inner, width}, base + 1) * in_scale).to(dtype),
                       (random_tensor({width, inner}, base + 2) * out_scale).to(dtype)});
  }
  return experts;
}

/// The same without gates and with biases, as in GPT-2.
inline std::vector<Expert> random_ungated_experts(std::int64_t num_experts, std::int64_t inner, std::int64_t width,
                                                  at::ScalarType dtype, std::uint64_t seed) {
  std::vector<Expert> experts = random_experts(num_experts, inner, width, dtype, seed);
  for (std::size_t e = 0; e < experts.size(); ++e) {
    experts[e].gate = Tensor();
    experts[e].up_bias = random_tensor({inner}, 1000 * seed + 500 + 2 * e).to(dtype);
    experts[e].down_bias = random_tensor({width}, 1000 * seed + 501 + 2 * e).to(dtype);
  }
  return experts;
}

/// E(x) in fp64: the law that every implementation has to follow. @param x_ND any dtype
inline Tensor exact_expert(const Expert& expert, const Tensor& x_ND) {
  const Tensor x = x_ND.to(at::kDouble);
  if (!expert.gate.defined()) {  // Hendrycks and Gimpel 2016, the tanh form
    const Tensor u = at::mm(x, expert.up.to(at::kDouble).t()) + expert.up_bias.to(at::kDouble);
    const Tensor gelu = 0.5 * u * (1 + at::tanh(std::sqrt(2 / M_PI) * (u + 0.044715 * u.pow(3))));
    return at::mm(gelu, expert.down.to(at::kDouble).t()) + expert.down_bias.to(at::kDouble);
  }
  const Tensor hidden = at::silu(at::mm(x, expert.gate.to(at::kDouble).t())) * at::mm(x, expert.up.to(at::kDouble).t());
  return at::mm(hidden, expert.down.to(at::kDouble).t());
}

}  // namespace uncurl::test
