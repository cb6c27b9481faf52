#include "uncurl/nn/load_balancing.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "tests/support/random_experts.h"

namespace uncurl::nn {
namespace {

/// The definition, counted out.
double in_loops(const Tensor& scores_NE, const Tensor& ids_NK) {
  double loss = 0;
  for (std::int64_t e = 0; e < scores_NE.size(1); ++e) {
    double choices = 0, score = 0;
    for (std::int64_t n = 0; n < scores_NE.size(0); ++n) {
      score += scores_NE[n][e].item<double>();
      for (std::int64_t k = 0; k < ids_NK.size(1); ++k) choices += ids_NK[n][k].item<std::int64_t>() == e ? 1 : 0;
    }
    const auto tokens = static_cast<double>(scores_NE.size(0));
    loss += choices / tokens * score / tokens;
  }
  return loss * static_cast<double>(scores_NE.size(1));
}

TEST(LoadBalancing, EqualsItsDefinition) {
  const Tensor scores = at::softmax(test::random_tensor({9, 5}, 1) * 3, -1);
  const Tensor ids = std::get<1>(scores.topk(2));
  EXPECT_NEAR(load_balancing_loss(scores, ids).item<double>(), in_loops(scores, ids), 1e-6);
}

TEST(LoadBalancing, IsTheNumberOfChoicesWhereAllAreUsedAlike) {
  const Tensor scores = at::full({6, 3}, 1.0 / 3), ids = at::tensor({0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2}, at::kLong);
  EXPECT_NEAR(load_balancing_loss(scores, ids.view({6, 2})).item<double>(), 2.0, 1e-6);
}

TEST(LoadBalancing, ItsGradientIsTheShareOfChoices) {
  const Tensor scores = at::full({4, 2}, 0.5).requires_grad_(true);
  torch::autograd::backward({load_balancing_loss(scores, at::tensor({0, 0, 0, 1}, at::kLong).view({4, 1}))}, {});
  EXPECT_TRUE(at::allclose(scores.grad(), at::tensor({2 * 0.75 / 4, 2 * 0.25 / 4}).to(at::kFloat).expand({4, 2})));
}

}  // namespace
}  // namespace uncurl::nn
