#include "uncurl/prune/align.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "tests/prune/fixtures.h"

namespace uncurl::prune {
namespace {

constexpr AlignOptions kPermuteOnly{.permute = true, .rescale = false};
constexpr AlignOptions kBoth{.permute = true, .rescale = true};

// The tests speak of experts; the library aligns them neuron by neuron.
Expert permuted(const Expert& expert, const math::Permutation& p) {
  return expert_of(prune::permuted(neurons_of(expert), p));
}
Expert balanced(const Expert& expert) { return expert_of(prune::balanced(neurons_of(expert))); }
Expert align_to(const Expert& anchor, const Expert& other, const AlignOptions& options) {
  return expert_of(prune::align_to(neurons_of(anchor), neurons_of(other), options));
}
Tensor match_scores(const Expert& anchor, const Expert& other, const AlignOptions& options) {
  return prune::match_scores(neurons_of(anchor), neurons_of(other), options);
}

std::vector<double> row_of(const Tensor& values) { return plain(values); }

double inner(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// How well neuron a of one expert goes with neuron b of another, by the formula of docs/method.md section 4.
double score(const Expert& one, std::int64_t a, const Expert& other, std::int64_t b, bool free_sign) {
  const double gates = inner(row_of(one.gate[a]), row_of(other.gate[b]));
  const double linear = inner(row_of(one.up[a]), row_of(other.up[b])) +
                        inner(row_of(one.down.select(1, a)), row_of(other.down.select(1, b)));
  return gates + (free_sign ? std::abs(linear) : linear);
}

/// The best sum of scores over all orders of the other expert's neurons.
double best_by_trying_all(const Expert& anchor, const Expert& other, bool free_sign) {
  const int width = static_cast<int>(anchor.gate.size(0));
  std::vector<int> order(static_cast<std::size_t>(width));
  std::iota(order.begin(), order.end(), 0);
  double best = -INFINITY;
  do {
    double sum = 0;
    for (int a = 0; a < width; ++a) sum += score(anchor, a, other, order[static_cast<std::size_t>(a)], free_sign);
    best = std::max(best, sum);
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

double score_in_place(const Expert& anchor, const Expert& aligned) {
  double sum = 0;
  for (std::int64_t a = 0; a < anchor.gate.size(0); ++a) sum += score(anchor, a, aligned, a, /*free_sign=*/false);
  return sum;
}

TEST(Permuted, MovesGateRowsUpRowsAndDownColumnsToTheirNewPlaces) {
  const Expert expert{matrix(3, 1, {10, 11, 12}), matrix(3, 1, {20, 21, 22}), matrix(1, 3, {30, 31, 32})};
  const Expert moved = permuted(expert, math::Permutation({1, 2, 0}));
  EXPECT_THAT(plain(moved.gate.view({-1})), ElementsAre(11, 12, 10));
  EXPECT_THAT(plain(moved.up.view({-1})), ElementsAre(21, 22, 20));
  EXPECT_THAT(plain(moved.down.view({-1})), ElementsAre(31, 32, 30));
}

TEST(Permuted, ComputesTheSameFunction) {
  const Expert expert = random_expert(8, 5, 1);
  const Tensor x = random_tensor({6, 5}, 2), expected = output_of(expert, x);
  const Expert moved = permuted(expert, math::Permutation(shuffled(8, 3)));
  expect_near(output_of(moved, x), expected, 1e-13 * test::max_abs(expected));  // fp64 sums of 8 in another order
}

TEST(AlignTo, UndoesAPermutationBitForBit) {
  const Expert anchor = random_expert(24, 10, 1);
  const Expert other = reordered(anchor, shuffled(24, 5));
  expect_same_expert(align_to(anchor, other, kPermuteOnly), anchor);
}

TEST(AlignTo, TakesTheRightDirectionOfAThreeCycle) {  // where a permutation and its inverse differ
  const Expert anchor = random_expert(3, 6, 4);
  expect_same_expert(align_to(anchor, reordered(anchor, {1, 2, 0}), kPermuteOnly), anchor);
  expect_same_expert(align_to(anchor, reordered(anchor, {2, 0, 1}), kPermuteOnly), anchor);
}

TEST(AlignTo, UndoesSignsAndScalesToRounding) {
  const Expert anchor = balanced(random_expert(16, 12, 1));
  Expert other = reordered(anchor, shuffled(16, 9));
  Rng rng(11);
  std::vector<float> factors;
  for (int a = 0; a < 16; ++a)
    factors.push_back(static_cast<float>((rng.uniform() < 0.5 ? -1 : 1) * (0.1 + 5 * rng.uniform())));
  const Tensor factor_F = at::tensor(factors);
  other.up = other.up * factor_F.unsqueeze(1);
  other.down = other.down / factor_F;
  // Each weight is scaled four times in fp32, by factors whose norms carry a few roundings: below 20 of them in all.
  expect_near_expert(align_to(anchor, balanced(other), kBoth), anchor, 20 * 6e-8 * 4.0);
}

TEST(AlignTo, ReachesTheBestMatchOfAllOrders) {
  const Expert anchor = random_expert(6, 3, 1), other = random_expert(6, 3, 2);
  const double best = best_by_trying_all(anchor, other, /*free_sign=*/false);
  EXPECT_NEAR(score_in_place(anchor, align_to(anchor, other, kPermuteOnly)), best, 1e-4);
}

TEST(AlignTo, ReachesTheBestMatchOfAllOrdersAndSigns) {
  const Expert anchor = balanced(random_expert(6, 3, 3)), other = balanced(random_expert(6, 3, 4));
  const double best = best_by_trying_all(anchor, other, /*free_sign=*/true);
  EXPECT_NEAR(score_in_place(anchor, align_to(anchor, other, kBoth)), best, 1e-4);
}

TEST(AlignTo, KeepsTheOrderWhereAllOrdersAreEquallyGood) {
  Expert anchor = random_expert(6, 4, 1);  // neuron 0 six times: every order has the same score
  anchor = reordered(anchor, {0, 0, 0, 0, 0, 0});
  const Expert other = random_expert(6, 4, 2);
  expect_same_expert(align_to(anchor, other, kPermuteOnly), other);
}

TEST(AlignTo, LeavesAnExpertAloneWithoutOptions) {
  const Expert anchor = random_expert(5, 4, 1), other = random_expert(5, 4, 2);
  expect_same_expert(align_to(anchor, other, {.permute = false, .rescale = false}), other);
}

TEST(AlignTo, OnlyFlipsSignsWithoutPermuting) {
  const Expert anchor = random_expert(5, 4, 1);
  const Expert other{anchor.gate, -anchor.up, -anchor.down};
  expect_same_expert(align_to(anchor, other, {.permute = false, .rescale = true}), anchor);
}

TEST(MatchScores, AreTheInnerProductsOfAllWeightsOfTwoNeurons) {
  const Expert anchor = random_expert(4, 7, 1), other = random_expert(4, 7, 2);
  for (const bool free_sign : {false, true}) {
    const Tensor scores = match_scores(anchor, other, {.permute = true, .rescale = free_sign});
    for (std::int64_t a = 0; a < 4; ++a) {
      for (std::int64_t b = 0; b < 4; ++b) {  // 21 products of normal values in fp32
        EXPECT_NEAR(scores[a][b].item<double>(), score(anchor, a, other, b, free_sign), 1e-5);
      }
    }
  }
}

TEST(MatchScores, AreAsExactForWeightsStoredInBf16) {
  const auto in = [](at::ScalarType dtype, const Expert& e) {
    return Expert{e.gate.to(dtype), e.up.to(dtype), e.down.to(dtype)};
  };
  const Expert anchor = in(at::kBFloat16, random_expert(20, 36, 1)),
               other = in(at::kBFloat16, random_expert(20, 36, 2));
  for (const bool rescale : {false, true}) {
    const AlignOptions options{.permute = true, .rescale = rescale};
    const auto neurons = [&](const Expert& e) { return rescale ? prune::balanced(neurons_of(e)) : neurons_of(e); };
    const Tensor expected =
        prune::match_scores(neurons(in(at::kFloat, anchor)), neurons(in(at::kFloat, other)), options);
    expect_near(prune::match_scores(neurons(anchor), neurons(other), options), expected, 1e-4);
  }
}

/// Minus the distances of unit vectors, from loops: docs/method.md section 4, "Activations".
double score_with_activations(const Expert& one, std::int64_t a, const Expert& other, std::int64_t b, const Tensor& x,
                              bool free_sign) {
  const auto vectors = [&](const Expert& expert, std::int64_t n, double sign) {
    const Tensor up = expert.up[n].to(at::kDouble) * sign, gate = expert.gate[n].to(at::kDouble);
    const Tensor weights = at::cat({gate, up, expert.down.select(1, n).to(at::kDouble) * sign});
    const Tensor answers = at::silu(x.to(at::kDouble).mv(gate)) * x.to(at::kDouble).mv(up);
    return std::pair{weights / weights.norm(), answers / answers.norm()};
  };
  const auto at_sign = [&](double sign) {
    const auto [w1, h1] = vectors(one, a, 1);
    const auto [w2, h2] = vectors(other, b, sign);
    return -((w1 - w2).norm() + (h1 - h2).norm()).item<double>();
  };
  return free_sign ? std::max(at_sign(1), at_sign(-1)) : at_sign(1);
}

// Distances are roots of 2 - 2 cos, off by 1e-7 at the most in fp32, so 1e-6 where they are not near 0.
TEST(MatchScores, AreDistancesOfWeightsAndActivationsWhereBothAreKnown) {
  const Expert one = random_expert(6, 5, 1), other = random_expert(6, 5, 2);
  const Tensor x = random_tensor({30, 5}, 3), evenly = at::ones({30}, at::kDouble);
  const auto known = [&](const Expert& expert) { return with_activations(neurons_of(expert), x, evenly); };
  for (const AlignOptions& options : {kPermuteOnly, kBoth}) {
    const Tensor scores = prune::match_scores(known(one), known(other), options);
    for (std::int64_t a = 0; a < 6; ++a) {
      for (std::int64_t b = 0; b < 6; ++b) {
        const double expected = score_with_activations(one, a, other, b, x, options.rescale);
        EXPECT_NEAR(scores[a][b].item<double>(), expected, 2e-6);
      }
    }
  }
}

TEST(AlignTo, UndoesOrderAndSignsByActivationsAndWeights) {
  const Expert anchor = random_expert(7, 5, 4);
  Expert other = reordered(anchor, shuffled(7, 5));
  for (const std::int64_t a : {1, 4}) {
    other.up[a].neg_();
    other.down.select(1, a).neg_();
  }
  const Tensor x = random_tensor({30, 5}, 6), evenly = at::ones({30}, at::kDouble);
  const auto known = [&](const Expert& expert) {
    return with_activations(prune::balanced(neurons_of(expert)), x, evenly);
  };
  const Expert found = expert_of(prune::align_to(known(anchor), known(other), kBoth));
  expect_near_expert(found, expert_of(prune::balanced(neurons_of(anchor))), 1e-6);
}

TEST(WithActivations, WeighsInputs) {
  const Expert expert = random_expert(4, 5, 7);
  const Tensor x = random_tensor({2, 5}, 8);
  const Tensor twice = at::cat({x, x.narrow(0, 1, 1)});
  const auto products = [&](const Tensor& inputs, const std::vector<double>& weights) {
    const Tensor rows = with_activations(neurons_of(expert), inputs, doubles(weights)).activations;
    return rows.mm(rows.t());
  };
  expect_near(products(x, {1, 2}), products(twice, {1, 1, 1}), 1e-6);
  expect_near(products(x, {1, 2}).diagonal(), at::ones({4}), 1e-6);
}

TEST(Balanced, ComputesTheSameFunctionWithEqualNorms) {
  Expert expert = random_expert(8, 5, 1);
  expert.down = expert.down * 37;
  const Expert even = balanced(expert);
  expect_near(even.up.norm(2, at::IntArrayRef({1})), even.down.norm(2, at::IntArrayRef({0})), 1e-5 * 37);
  EXPECT_TRUE(identical(even.gate, expert.gate));
  const Tensor x = random_tensor({6, 5}, 2), expected = output_of(expert, x);
  expect_near(output_of(even, x), expected, 1e-6 * test::max_abs(expected));  // weights rounded to fp32 twice
}

TEST(Balanced, LeavesNeuronsWithAZeroSideUntouched) {
  Expert expert = random_expert(4, 5, 1);
  expert.up[1].zero_();
  expert.down.select(1, 2).zero_();
  const Expert even = balanced(expert);
  EXPECT_TRUE(identical(even.up[1], expert.up[1]));
  EXPECT_TRUE(identical(even.down.select(1, 1), expert.down.select(1, 1)));
  EXPECT_TRUE(identical(even.up[2], expert.up[2]));
  EXPECT_TRUE(identical(even.down.select(1, 2), expert.down.select(1, 2)));
  EXPECT_FALSE(identical(even.up[0], expert.up[0]));
}

}  // namespace
}  // namespace uncurl::prune
