#include "uncurl/nn/loss.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/support/expect_near.h"

namespace uncurl::nn {
namespace {

using test::random_ids;
using test::random_tensor;

constexpr double kTolerance = 1e-5;  // log-softmax in fp32 over logits of size ten

/// Row n of log-probabilities in fp64, with a plain loop.
std::vector<double> log_probabilities(const Tensor& logits, std::int64_t n) {
  std::vector<double> row;
  double total = 0;
  for (std::int64_t v = 0; v < logits.size(1); ++v) {
    row.push_back(logits[n][v].item<double>());
    total += std::exp(row.back());
  }
  for (double& value : row) value -= std::log(total);
  return row;
}

TEST(Loss, EqualsADoubleLoop) {
  const Tensor logits = 2 * random_tensor({12, 15}, 1), other = 2 * random_tensor({12, 15}, 2);
  const Tensor targets = random_ids({12}, 15, 3);
  const TokenDivergence found = token_divergence(logits, other, targets);
  for (std::int64_t n = 0; n < 12; ++n) {
    const std::vector<double> p = log_probabilities(logits, n), q = log_probabilities(other, n);
    const auto target = static_cast<std::size_t>(targets[n].item<std::int64_t>());
    double kl = 0;
    for (std::size_t v = 0; v < p.size(); ++v) kl += std::exp(p[v]) * (p[v] - q[v]);
    EXPECT_NEAR(found.loss_original[n].item<double>(), -p[target], kTolerance);
    EXPECT_NEAR(found.loss_other[n].item<double>(), -q[target], kTolerance);
    EXPECT_NEAR(found.kl[n].item<double>(), kl, kTolerance);
  }
}

TEST(Loss, OfUniformLogitsIsTheLogarithmOfTheVocabulary) {
  const TokenDivergence found = token_divergence(at::zeros({3, 50}), at::zeros({3, 50}), random_ids({3}, 50, 4));
  EXPECT_TRUE(test::near(found.loss_original, at::full({3}, std::log(50.0), at::kDouble), kTolerance));
}

TEST(Loss, DivergenceIsZeroOnlyForEqualDistributions) {
  const Tensor logits = random_tensor({20, 30}, 5), targets = random_ids({20}, 30, 6);
  const TokenDivergence equal = token_divergence(logits, logits, targets);
  EXPECT_TRUE(test::near(equal.kl, at::zeros({20}), 0));
  EXPECT_TRUE(test::near(equal.agrees, at::ones({20}), 0));
  const TokenDivergence different = token_divergence(logits, random_tensor({20, 30}, 7), targets);
  EXPECT_GT(different.kl.min().item<double>(), 0.0);
}

TEST(Loss, AShiftOfTheLogitsChangesNothing) {
  const Tensor logits = random_tensor({20, 30}, 8), targets = random_ids({20}, 30, 9);
  EXPECT_TRUE(test::near(token_divergence(logits, logits + 5.0, targets).kl, at::zeros({20}), kTolerance));
}

TEST(Loss, AgreesWhereTheLikeliestTokensAreTheSame) {
  const Tensor logits = at::tensor({1.0f, 2.0f, 0.0f, 3.0f, 2.0f, 1.0f}).view({2, 3});
  const Tensor other = at::tensor({0.0f, 9.0f, 8.0f, 1.0f, 1.5f, 1.0f}).view({2, 3});
  const TokenDivergence found = token_divergence(logits, other, at::tensor({0, 0}, at::kLong));
  EXPECT_TRUE(test::near(found.agrees, at::tensor({1.0, 0.0}), 0));
}

TEST(Loss, TakesBf16LogitsInF32) {
  const Tensor logits = random_tensor({20, 30}, 10).to(at::kBFloat16), targets = random_ids({20}, 30, 11);
  const TokenDivergence found = token_divergence(logits, logits, targets);
  const TokenDivergence expected = token_divergence(logits.to(at::kFloat), logits.to(at::kFloat), targets);
  EXPECT_TRUE(test::identical(found.loss_original, expected.loss_original));
  EXPECT_EQ(found.kl.scalar_type(), at::kDouble);
}

}  // namespace
}  // namespace uncurl::nn
