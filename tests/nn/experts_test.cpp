#include "uncurl/nn/experts.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "tests/support/expect_near.h"
#include "tests/support/random_experts.h"

namespace uncurl::nn {
namespace {

using test::max_abs;
using test::random_experts;
using test::random_ids;
using test::random_tensor;

constexpr std::int64_t kWidth = 24, kInner = 40;

/// Relative to the largest output: fp32 sums of 64 terms, or seven roundings to bf16 (2^-8 each): gate, silu, up,
/// product, output, gated, sum.
double relative_tolerance(at::ScalarType dtype) { return dtype == at::kBFloat16 ? 7 * 0x1p-8 : 800 * 0x1p-24; }

struct Case {
  const char* name;
  std::int64_t num_experts;
  Tensor ids_NK;
  at::ScalarType dtype, gate_dtype;
};

std::vector<Case> cases() {
  const Tensor ragged = random_ids({67, 3}, 6, 1);
  const Tensor without_two = ragged.masked_fill(ragged == 2, 4);
  const Tensor single = at::zeros({9, 1}, at::kLong);
  const Tensor duplicates = at::tensor({1, 1, 0, 2, 2, 2, 0, 0, 1}, at::kLong).view({3, 3});
  const Tensor none = at::empty({0, 2}, at::kLong);
  std::vector<Case> all;
  for (const auto& [dtype, gate_dtype] : {std::pair(at::kFloat, at::kFloat), std::pair(at::kBFloat16, at::kBFloat16),
                                          std::pair(at::kBFloat16, at::kFloat)}) {
    all.push_back({"Ragged", 6, ragged, dtype, gate_dtype});
    all.push_back({"EmptyExpert", 6, without_two, dtype, gate_dtype});
    all.push_back({"SingleExpert", 1, single, dtype, gate_dtype});
    all.push_back({"DuplicateIds", 3, duplicates, dtype, gate_dtype});
    all.push_back({"NoTokens", 2, none, dtype, gate_dtype});
  }
  return all;
}

class ExpertsCase : public testing::TestWithParam<Case> {
 protected:
  Tensor x() const { return random_tensor({GetParam().ids_NK.size(0), kWidth}, 2).to(GetParam().dtype); }
  Tensor gates() const {
    return at::softmax(random_tensor(GetParam().ids_NK.sizes().vec(), 3), -1).to(GetParam().gate_dtype);
  }
  std::vector<Expert> weights() const {
    return random_experts(GetParam().num_experts, kInner, kWidth, GetParam().dtype, 4);
  }
  ExpertsOutput run(Implementation implementation) const {
    const c10::InferenceMode inference;
    return experts(x(), weights(), GetParam().ids_NK, gates(), /*want_norms=*/true, implementation);
  }
};

TEST_P(ExpertsCase, FastestEqualsPlain) {
  const ExpertsOutput fastest = run(Implementation::kFastest), plain = run(Implementation::kPlain);
  EXPECT_EQ(fastest.out_ND.scalar_type(), GetParam().dtype);
  if (fastest.out_ND.numel() == 0) return;
  const double relative = relative_tolerance(GetParam().dtype);
  EXPECT_TRUE(test::near(fastest.out_ND, plain.out_ND, relative * max_abs(plain.out_ND)));
  EXPECT_TRUE(test::near(fastest.norms_NK, plain.norms_NK, relative * max_abs(plain.norms_NK)));
}

TEST_P(ExpertsCase, PlainEqualsTheSumOfGatedExperts) {
  const Tensor x64 = x().to(at::kDouble), gates64 = gates().to(at::kDouble), ids = GetParam().ids_NK;
  const std::vector<Expert> all = weights();
  Tensor exact = at::zeros_like(x64), norms = at::zeros(ids.sizes(), at::kDouble);
  for (std::int64_t n = 0; n < ids.size(0); ++n) {
    for (std::int64_t k = 0; k < ids.size(1); ++k) {
      const auto e = static_cast<std::size_t>(ids[n][k].item<std::int64_t>());
      const Tensor row = test::exact_expert(all[e], x64.narrow(0, n, 1)).view(-1);
      exact[n] += gates64[n][k] * row;
      norms[n][k] = row.norm();
    }
  }
  if (exact.numel() == 0) return;
  const ExpertsOutput plain = run(Implementation::kPlain);
  const double relative = relative_tolerance(GetParam().dtype);
  EXPECT_TRUE(test::near(plain.out_ND, exact, relative * max_abs(exact)));
  EXPECT_TRUE(test::near(plain.norms_NK, norms, relative * max_abs(norms)));
}

TEST_P(ExpertsCase, AreBitwiseTheSameForOneAndTwoThreads) {
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const ExpertsOutput one = run(Implementation::kFastest);
  at::set_num_threads(2);
  const ExpertsOutput two = run(Implementation::kFastest);
  at::set_num_threads(before);
  EXPECT_TRUE(test::identical(two.out_ND, one.out_ND));
  EXPECT_TRUE(test::identical(two.norms_NK, one.norms_NK));
}

INSTANTIATE_TEST_SUITE_P(All, ExpertsCase, testing::ValuesIn(cases()), [](const auto& test) {
  const Case& c = test.param;
  return std::string(c.name) + at::toString(c.dtype) + (c.gate_dtype == c.dtype ? "" : "FloatGates");
});

TEST(Experts, GiveNormsOnlyWhenAsked) {
  const std::vector<Expert> weights = random_experts(2, 8, 8, at::kFloat, 5);
  const Tensor x = random_tensor({3, 8}, 6), ids = random_ids({3, 1}, 2, 7);
  EXPECT_FALSE(experts(x, weights, ids, at::ones({3, 1}), /*want_norms=*/false).norms_NK.defined());
}

TEST(Experts, OfADuplicateCountWithBothGates) {
  const std::vector<Expert> weights = random_experts(2, 8, 8, at::kFloat, 8);
  const Tensor x = random_tensor({1, 8}, 9);
  const Tensor twice = experts(x, weights, at::tensor({1, 1}, at::kLong).view({1, 2}),
                               at::tensor({0.25f, 0.5f}).view({1, 2}), /*want_norms=*/false)
                           .out_ND;
  const Tensor exact = 0.75 * test::exact_expert(weights[1], x);
  EXPECT_TRUE(test::near(twice, exact, 1e-5));
}

TEST(Experts, TakeSlicesOfAFusedTensor) {
  const Tensor gate_up = random_tensor({3, 16, 8}, 10) * 0.3, down = random_tensor({3, 8, 8}, 11) * 0.3;
  std::vector<Expert> views, copies;
  for (std::int64_t e = 0; e < 3; ++e) {
    views.push_back({gate_up[e].narrow(0, 0, 8), gate_up[e].narrow(0, 8, 8), down[e]});
    copies.push_back({views.back().gate.clone(), views.back().up.clone(), views.back().down.clone()});
  }
  const Tensor x = random_tensor({20, 8}, 12), ids = random_ids({20, 2}, 3, 13), gates = at::full({20, 2}, 0.5);
  EXPECT_TRUE(
      test::identical(experts(x, views, ids, gates, false).out_ND, experts(x, copies, ids, gates, false).out_ND));
}

TEST(ExpertOutput, FollowsTheFormulaWithAndWithoutAGate) {
  const Tensor x = random_tensor({5, kWidth}, 16);
  for (const Expert& expert : {random_experts(1, kInner, kWidth, at::kFloat, 17)[0],
                               test::random_ungated_experts(1, kInner, kWidth, at::kFloat, 18)[0]}) {
    const Tensor exact = test::exact_expert(expert, x);
    EXPECT_TRUE(test::near(expert_output(x, expert), exact, 800 * 0x1p-24 * max_abs(exact)));
    EXPECT_TRUE(test::near(dense_mlp(x, expert), exact, 800 * 0x1p-24 * max_abs(exact)));
  }
}

TEST(Experts, WithoutGatesAreTheSameFastAndPlain) {
  const std::vector<Expert> weights = test::random_ungated_experts(4, kInner, kWidth, at::kFloat, 19);
  const Tensor x = random_tensor({50, kWidth}, 20), ids = random_ids({50, 2}, 4, 21), gates = at::full({50, 2}, 0.5);
  const auto run = [&](Implementation way) { return experts(x, weights, ids, gates, /*want_norms=*/true, way); };
  const ExpertsOutput fast = run(Implementation::kFastest), plain = run(Implementation::kPlain);
  EXPECT_TRUE(test::near(fast.out_ND, plain.out_ND, 800 * 0x1p-24 * max_abs(plain.out_ND)));
  EXPECT_TRUE(test::near(fast.norms_NK, plain.norms_NK, 800 * 0x1p-24 * max_abs(plain.norms_NK)));
}

TEST(ExpertOutput, EqualsItsFormula) {
  const Expert mlp = random_experts(1, kInner, kWidth, at::kFloat, 14)[0];
  const Tensor x = random_tensor({5, kWidth}, 15), exact = test::exact_expert(mlp, x);
  EXPECT_TRUE(test::near(expert_output(x, mlp), exact, 800 * 0x1p-24 * max_abs(exact)));
}

}  // namespace
}  // namespace uncurl::nn
