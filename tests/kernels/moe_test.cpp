#include "uncurl/kernels/moe.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/expect_near.h"
#include "tests/support/random_experts.h"

namespace uncurl::kernels {
namespace {

using test::max_abs;
using test::random_experts;
using test::random_ids;
using test::random_tensor;
using test::random_ungated_experts;
using testing::ElementsAre;

TEST(SortByExpert, GroupsSlotsAndKeepsTheirOrder) {  // slot = token * 2 + choice, by hand
  const Tensor ids = at::tensor({2, 0, 2, 1, 0, 2}, at::kLong).view({3, 2});
  const ExpertQueue queue = sort_by_expert(ids, 3);
  EXPECT_THAT(queue.slots, ElementsAre(1, 4, 3, 0, 2, 5));
  EXPECT_THAT(queue.begins, ElementsAre(0, 2, 3, 6));
}

TEST(SortByExpert, GivesExpertsWithoutTokensAnEmptyRange) {
  const ExpertQueue queue = sort_by_expert(at::full({2, 1}, 2, at::kLong), 4);
  EXPECT_THAT(queue.begins, ElementsAre(0, 0, 0, 2, 2));
}

TEST(SortByExpert, OfNoTokensIsEmpty) {
  const ExpertQueue queue = sort_by_expert(at::empty({0, 2}, at::kLong), 2);
  EXPECT_TRUE(queue.slots.empty());
  EXPECT_THAT(queue.begins, ElementsAre(0, 0, 0));
}

Tensor outputs_of(const Tensor& x_ND, const std::vector<Expert>& experts, const Tensor& ids_NK) {
  Tensor y_SD = at::empty({ids_NK.numel(), x_ND.size(1)}, x_ND.options());
  const ExpertQueue queue = sort_by_expert(ids_NK, static_cast<std::int64_t>(experts.size()));
  expert_outputs(y_SD, x_ND, experts, queue, ids_NK.size(1));
  return y_SD;
}

Tensor exact_outputs(const Tensor& x_ND, const std::vector<Expert>& experts, const Tensor& ids_NK) {
  std::vector<Tensor> rows;
  for (std::int64_t slot = 0; slot < ids_NK.numel(); ++slot) {
    const auto e = static_cast<std::size_t>(ids_NK.view(-1)[slot].item<std::int64_t>());
    rows.push_back(test::exact_expert(experts[e], x_ND.narrow(0, slot / ids_NK.size(1), 1)));
  }
  return at::cat(rows);
}

TEST(ExpertOutputs, EqualTheExactOnesSlotBySlotInF32) {
  const Tensor x = random_tensor({29, 24}, 1), ids = random_ids({29, 3}, 5, 2);
  const std::vector<Expert> experts = random_experts(5, 40, 24, at::kFloat, 3);
  const Tensor exact = exact_outputs(x, experts, ids);
  // Two products of 24 and 40 terms: about sqrt(64) roundings of 2^-24 each; a hundred times that is allowed.
  EXPECT_TRUE(test::near(outputs_of(x, experts, ids), exact, 800 * 0x1p-24 * max_abs(exact)));
}

TEST(ExpertOutputs, EqualTheExactOnesSlotBySlotInBf16) {
  const Tensor x = random_tensor({29, 24}, 4).to(at::kBFloat16), ids = random_ids({29, 3}, 5, 5);
  const std::vector<Expert> experts = random_experts(5, 40, 24, at::kBFloat16, 6);
  const Tensor exact = exact_outputs(x, experts, ids);
  // Five roundings to bf16, 2^-8 each: gate, silu, up, their product, output.
  EXPECT_TRUE(test::near(outputs_of(x, experts, ids), exact, 5 * 0x1p-8 * max_abs(exact)));
}

TEST(ExpertOutputs, OfExpertsWithoutGatesEqualTheExactOnesInF32) {
  const Tensor x = random_tensor({29, 24}, 15), ids = random_ids({29, 3}, 5, 16);
  const std::vector<Expert> experts = random_ungated_experts(5, 40, 24, at::kFloat, 17);
  const Tensor exact = exact_outputs(x, experts, ids);
  EXPECT_TRUE(test::near(outputs_of(x, experts, ids), exact, 800 * 0x1p-24 * max_abs(exact)));
}

TEST(ExpertOutputs, OfExpertsWithoutGatesEqualTheExactOnesInBf16) {
  const Tensor x = random_tensor({29, 24}, 18).to(at::kBFloat16), ids = random_ids({29, 3}, 5, 19);
  const std::vector<Expert> experts = random_ungated_experts(5, 40, 24, at::kBFloat16, 20);
  const Tensor exact = exact_outputs(x, experts, ids);
  // Three roundings to bf16: up with its bias, gelu, output with its bias.
  EXPECT_TRUE(test::near(outputs_of(x, experts, ids), exact, 3 * 0x1p-8 * max_abs(exact)));
}

TEST(ExpertOutputs, OfOneExpertWithMoreRowsThanABlockAreComplete) {
  const Tensor x = random_tensor({1100, 8}, 7), ids = at::zeros({1100, 1}, at::kLong);
  const std::vector<Expert> experts = random_experts(1, 8, 8, at::kFloat, 8);
  const Tensor exact = test::exact_expert(experts[0], x);
  EXPECT_TRUE(test::near(outputs_of(x, experts, ids), exact, 800 * 0x1p-24 * max_abs(exact)));
}

class ExpertOutputsOfDtype : public testing::TestWithParam<at::ScalarType> {};

TEST_P(ExpertOutputsOfDtype, AreBitwiseTheSameForOneAndTwoThreads) {
  const Tensor x = random_tensor({301, 64}, 9).to(GetParam()), ids = random_ids({301, 2}, 7, 10);
  std::vector<Expert> experts = random_experts(6, 96, 64, GetParam(), 11);
  experts.push_back(random_ungated_experts(1, 96, 64, GetParam(), 21)[0]);
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const Tensor one = outputs_of(x, experts, ids);
  at::set_num_threads(2);
  const Tensor two = outputs_of(x, experts, ids);
  at::set_num_threads(before);
  EXPECT_TRUE(test::identical(two, one));
}

INSTANTIATE_TEST_SUITE_P(All, ExpertOutputsOfDtype, testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& test) { return std::string(at::toString(test.param)); });

TEST(ExpertOutputs, PassOnAFailureInsideAThread) {
  std::vector<Expert> experts = random_experts(2, 8, 8, at::kFloat, 12);
  experts[1].up = at::zeros({8, 9});  // does not fit x
  EXPECT_ANY_THROW(outputs_of(random_tensor({6, 8}, 13), experts, random_ids({6, 1}, 2, 14)));
}

TEST(Combine, SumsGatedRowsAndGivesTheirNorms) {  // by hand
  const Tensor y = at::tensor({3.0f, 4.0f, 1.0f, 0.0f, 0.0f, 2.0f, 6.0f, 8.0f}).view({4, 2});
  const Tensor gates = at::tensor({0.5f, 2.0f, 1.0f, 0.25f}).view({2, 2});
  Tensor norms = at::empty({2, 2});
  EXPECT_TRUE(test::identical(combine(y, gates, norms), at::tensor({3.5f, 2.0f, 1.5f, 4.0f}).view({2, 2})));
  EXPECT_TRUE(test::near(norms, at::tensor({5.0f, 1.0f, 2.0f, 10.0f}).view({2, 2}), 1e-6));
}

// 1 + 2^-7 is the bf16 next to one. Its square 1 + 2^-6 + 2^-14 rounds to 1 + 2^-6 in bf16, and fp32 keeps it.
TEST(Combine, RoundsProductsToTheDtypeOfTheGates) {
  const Tensor y = at::tensor({1.0078125, -1.015625}, at::kDouble).to(at::kBFloat16).view({2, 1});
  const Tensor gates = at::tensor({1.0078125f, 1.0f}).view({1, 2});
  EXPECT_EQ(combine(y, gates.to(at::kBFloat16), {}).item<double>(), 0.0);
  EXPECT_EQ(combine(y, gates, {}).item<double>(), 0x1p-14);
}

}  // namespace
}  // namespace uncurl::kernels
