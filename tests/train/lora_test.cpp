#include "uncurl/train/lora.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "tests/support/expect_near.h"
#include "uncurl/base/error.h"

namespace uncurl::train {
namespace {

using test::random_tensor;

/// Two matrices and a vector, in the parts that their names say.
struct Weights {
  Tensor attention = random_tensor({6, 5}, 1), router = random_tensor({4, 5}, 2), norm = at::ones({5});
  std::vector<Parameter> parameters = {
      {"attention", Part::kAttention, &attention}, {"router", Part::kRouters, &router}, {"norm", Part::kNorms, &norm}};
};

TEST(LowRank, BeginsAtTheModelAsItWas) {
  Weights weights;
  const auto updates = draw_low_rank(weights.parameters, {.rank = 2, .alpha = 16}, /*seed=*/7);
  ASSERT_EQ(updates.size(), 2);
  for (const auto& [name, weight] :
       {std::pair("attention", &weights.attention), std::pair("router", &weights.router)}) {
    const LowRank& update = updates.at(name);
    EXPECT_EQ(update.a.sizes(), at::IntArrayRef({2, 5}));
    EXPECT_EQ(update.b.sizes(), at::IntArrayRef({weight->size(0), 2}));
    EXPECT_EQ(update.scale, 8);
    EXPECT_LE(test::max_abs(update.a), 1 / std::sqrt(5.0));
    EXPECT_TRUE(at::equal(update.updated(*weight), *weight));
  }
}

TEST(LowRank, DependsOnNameAndSeedAlone) {
  Weights weights, others;
  std::swap(others.parameters[0], others.parameters[1]);
  const auto draw = [](const Weights& of, std::uint64_t seed) {
    return draw_low_rank(of.parameters, {.rank = 3}, seed).at("router").a;
  };
  EXPECT_TRUE(at::equal(draw(weights, 7), draw(others, 7)));
  EXPECT_FALSE(at::equal(draw(weights, 7), draw(weights, 8)));
}

TEST(LowRank, HasTheGradientsOfItsFormula) {
  const Tensor weight = random_tensor({6, 5}, 1);
  LowRank update{random_tensor({2, 5}, 2).requires_grad_(true), random_tensor({6, 2}, 3).requires_grad_(true), 1.5};
  const Tensor by = random_tensor({6, 5}, 4);
  torch::autograd::backward({update.updated(weight)}, {by});
  EXPECT_TRUE(
      test::near(update.updated(weight).detach(), weight + 1.5 * update.b.detach().mm(update.a.detach()), 1e-6));
  EXPECT_TRUE(test::near(update.a.grad(), 1.5 * update.b.detach().t().mm(by), 1e-5));
  EXPECT_TRUE(test::near(update.b.grad(), 1.5 * by.mm(update.a.detach().t()), 1e-5));
}

TEST(LowRank, OfRankZeroIsNone) {
  Weights weights;
  EXPECT_TRUE(draw_low_rank(weights.parameters, {.rank = 0}, 7).empty());
}

TEST(LowRank, RefusesARankAboveThatOfTheMatrix) {
  Weights weights;
  EXPECT_THROW(draw_low_rank(weights.parameters, {.rank = 1'000'000'000'000}, 7), Error);
}

TEST(LowRank, RefusesTargetsThatAreNoMatrix) {
  Weights weights;
  EXPECT_THROW(draw_low_rank(weights.parameters, {.rank = 2, .targets = {"norms"}}, 7), Error);
  EXPECT_THROW(draw_low_rank(weights.parameters, {.rank = 2, .targets = {"experts"}}, 7), Error);
}

}  // namespace
}  // namespace uncurl::train
