#include "uncurl/cluster/affinity.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "uncurl/base/error.h"
#include "uncurl/base/random.h"

namespace uncurl::cluster {
namespace {

constexpr int kTokens = 200, kExperts = 9;

Tensor random_logits(std::uint64_t seed) {
  Rng rng(seed);
  Tensor logits_NE = at::empty({kTokens, kExperts}, at::kDouble);
  for (int i = 0; i < kTokens * kExperts; ++i) logits_NE.data_ptr<double>()[i] = rng.normal() + 0.5 * (i % kExperts);
  return logits_NE;
}

Tensor affinity_of(const Tensor& logits_NE, const AffinityOptions& options) {
  const Tensor gram_EE = logits_NE.t().mm(logits_NE);
  return router_affinity(gram_EE, logits_NE.sum(0), static_cast<double>(logits_NE.size(0)), options);
}

double largest_difference(const Tensor& a, const Tensor& b) { return (a - b).abs().max().item<double>(); }

// The definition, token by token: centre the columns, then cosine of each pair. 200 terms of fp64 in either order
// agree to 200 * 2^-53 * the ratio of raw to centred squares (below 10), so 1e-12 is generous.
Tensor naive_affinity(const Tensor& logits_NE, const AffinityOptions& options) {
  Tensor h_NE = logits_NE.clone();
  if (options.centering == Centering::kToken || options.centering == Centering::kBoth) h_NE = h_NE - h_NE.mean(1, true);
  if (options.centering == Centering::kExpert || options.centering == Centering::kBoth)
    h_NE = h_NE - h_NE.mean(0, true);
  Tensor affinity_EE = at::ones({kExperts, kExperts}, at::kDouble);
  for (int i = 0; i < kExperts; ++i) {
    for (int j = 0; j < kExperts; ++j) {
      const Tensor a = h_NE.select(1, i), b = h_NE.select(1, j);
      const double cosine = (a * b).sum().item<double>() / std::sqrt((a * a).sum().item<double>()) /
                            std::sqrt((b * b).sum().item<double>());
      const double mapped = options.map == AffinityMap::kHalf ? (1 + cosine) / 2 : std::max(0.0, cosine);
      affinity_EE.data_ptr<double>()[i * kExperts + j] = std::pow(mapped, options.power);
    }
  }
  return affinity_EE;
}

class AffinityOfEveryKind : public testing::TestWithParam<AffinityOptions> {};

TEST_P(AffinityOfEveryKind, EqualsTheDefinitionTokenByToken) {
  const Tensor logits_NE = random_logits(1);
  EXPECT_LT(largest_difference(affinity_of(logits_NE, GetParam()), naive_affinity(logits_NE, GetParam())), 1e-12);
}

TEST_P(AffinityOfEveryKind, IsSymmetricInZeroToOneWithOnesOnTheDiagonal) {
  const Tensor affinity_EE = affinity_of(random_logits(2), GetParam());
  EXPECT_TRUE(affinity_EE.equal(affinity_EE.t()));
  EXPECT_GE(affinity_EE.min().item<double>(), 0);
  EXPECT_LE(affinity_EE.max().item<double>(), 1);
  EXPECT_TRUE(affinity_EE.diagonal().eq(1).all().item<bool>());
}

INSTANTIATE_TEST_SUITE_P(
    Options, AffinityOfEveryKind,
    testing::Values(AffinityOptions{},  //
                    AffinityOptions{.centering = Centering::kToken}, AffinityOptions{.centering = Centering::kExpert},
                    AffinityOptions{.centering = Centering::kBoth}, AffinityOptions{.map = AffinityMap::kPositive},
                    AffinityOptions{.centering = Centering::kToken, .map = AffinityMap::kPositive, .power = 3},
                    AffinityOptions{.power = 2}));

// Softmax routing does not see a constant added to all logits of a token.
TEST(Affinity, DoesNotSeeShiftsOfWholeTokensWhenTokenCentered) {
  const Tensor logits_NE = random_logits(3);
  const Tensor shift_N1 = at::arange(kTokens, at::kDouble).sin().unsqueeze(1) * 5;
  const AffinityOptions token{.centering = Centering::kToken}, both{.centering = Centering::kBoth}, none{};
  EXPECT_LT(largest_difference(affinity_of(logits_NE, token), affinity_of(logits_NE + shift_N1, token)), 1e-12);
  EXPECT_LT(largest_difference(affinity_of(logits_NE, both), affinity_of(logits_NE + shift_N1, both)), 1e-12);
  EXPECT_GT(largest_difference(affinity_of(logits_NE, none), affinity_of(logits_NE + shift_N1, none)), 0.1);
}

TEST(Affinity, DoesNotSeeTheOffsetOfAnExpertWhenExpertCentered) {
  const Tensor logits_NE = random_logits(4);
  const Tensor offset_E = at::arange(kExperts, at::kDouble);
  const AffinityOptions expert{.centering = Centering::kExpert};
  EXPECT_LT(largest_difference(affinity_of(logits_NE, expert), affinity_of(logits_NE + offset_E, expert)), 1e-12);
}

TEST(Affinity, FollowsTheOrderOfTheExperts) {
  const Tensor logits_NE = random_logits(5);
  const Tensor order = at::arange(kExperts).flip(0);
  const Tensor expected = affinity_of(logits_NE, {}).index_select(0, order).index_select(1, order);
  EXPECT_LT(largest_difference(affinity_of(logits_NE.index_select(1, order), {}), expected), 1e-14);
}

TEST(Affinity, NamesTheExpertWithoutLogits) {
  Tensor logits_NE = random_logits(6);
  logits_NE.select(1, 4).zero_();
  EXPECT_THAT([&] { affinity_of(logits_NE, {}); }, testing::ThrowsMessage<Error>(testing::HasSubstr("expert 4")));
}

TEST(Affinity, NamesTheExpertWhoseLogitsAreConstantWhenExpertCentered) {
  Tensor logits_NE = random_logits(7);
  logits_NE.select(1, 2).fill_(0.3);
  EXPECT_THAT([&] { affinity_of(logits_NE, {.centering = Centering::kExpert}); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("expert 2")));
}

TEST(Affinity, NamesTheExpertWhoseLogitsAreNotFinite) {
  Tensor logits_NE = random_logits(8);
  logits_NE.select(1, 6).select(0, 10).fill_(std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT([&] { affinity_of(logits_NE, {.centering = Centering::kToken}); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("expert 6")));
}

TEST(Affinity, RefusesAPowerBelowOneAndWrongShapes) {
  const Tensor logits_NE = random_logits(9);
  EXPECT_THROW(affinity_of(logits_NE, {.power = 0}), Error);
  EXPECT_THROW(router_affinity(logits_NE, logits_NE.sum(0), kTokens, {}), Error);
  EXPECT_THROW(affinity_of(logits_NE.to(at::kFloat), {}), Error);
}

TEST(Named, FindsByNameAndListsWhatThereIs) {
  EXPECT_EQ(find_named(centering_names(), "both", "centering"), Centering::kBoth);
  EXPECT_EQ(name_of(affinity_map_names(), AffinityMap::kPositive), "positive");
  EXPECT_THAT([] { find_named(centering_names(), "tokens", "centering"); },
              testing::ThrowsMessage<Error>("there is no centering 'tokens'; there is none, token, expert, both"));
}

}  // namespace
}  // namespace uncurl::cluster
