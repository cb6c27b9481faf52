#include "uncurl/nn/capacity.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/support/expect_near.h"

namespace uncurl::nn {
namespace {

using test::random_ids;

constexpr std::int64_t kExperts = 5;

/// Straight from the rule: look back over the text, count earlier choices of the same expert in the block.
bool is_served(const Tensor& ids_TK, std::int64_t position, std::int64_t choice, std::int64_t block,
               std::int64_t limit) {
  const auto id = [&](std::int64_t t, std::int64_t k) { return ids_TK[t][k].item<std::int64_t>(); };
  std::int64_t before = 0;
  for (std::int64_t t = position / block * block; t <= position; ++t) {
    for (std::int64_t k = 0; k < (t < position ? ids_TK.size(1) : choice); ++k) {
      before += id(t, k) == id(position, choice);
    }
  }
  return before < limit;
}

Tensor served_by_the_rule(const Tensor& ids_TK, std::int64_t block, std::int64_t limit) {
  Tensor result = at::empty(ids_TK.sizes(), at::kBool);
  for (std::int64_t t = 0; t < ids_TK.size(0); ++t) {
    for (std::int64_t k = 0; k < ids_TK.size(1); ++k) result[t][k].fill_(is_served(ids_TK, t, k, block, limit));
  }
  return result;
}

TEST(Capacity, IsTheShareOfABlockRoundedUpButTheMinimumAtLeast) {
  EXPECT_EQ(capacity({.block = 1024, .factor = 1.2, .minimum = 4}, 8), 154);  // 153.6
  EXPECT_EQ(capacity({.block = 1024, .factor = 1.0, .minimum = 4}, 32), 32);  // exactly
  EXPECT_EQ(capacity({.block = 1024, .factor = 1.0, .minimum = 4}, 512), 4);  // 2, but at least 4
  EXPECT_EQ(capacity({.block = 10, .factor = 0.5, .minimum = 0}, 3), 2);      // 1.67
}

class ServedTopK : public testing::TestWithParam<std::int64_t> {};

TEST_P(ServedTopK, FollowsTheRuleRowByRow) {
  const CapacityRule rule{.block = 8, .factor = 1.0, .minimum = 1};  // 2 of a block of 8
  const Tensor ids = random_ids({31, GetParam()}, kExperts, 1);
  const std::vector<CountedRow> rows = {{0, 19}, {19, 22}, {22, 31}};
  const Tensor found = served(ids, rows, rule, kExperts);
  for (const CountedRow& row : rows) {
    const std::int64_t length = row.end - row.begin;
    EXPECT_TRUE(test::identical(found.narrow(0, row.begin, length),
                                served_by_the_rule(ids.narrow(0, row.begin, length), 8, 2)));
  }
  EXPECT_FALSE(found.all().item<bool>());
  EXPECT_TRUE(found.any().item<bool>());
}

// What comes later changes nothing: the first tokens of a text are decided as if it ended there.
TEST_P(ServedTopK, LooksBackAlone) {
  const CapacityRule rule{.block = 6, .factor = 1.0, .minimum = 1};
  const Tensor ids = random_ids({20, GetParam()}, kExperts, 2);
  const Tensor whole = served(ids, {{0, 20}}, rule, kExperts);
  for (const std::int64_t length : {1, 5, 6, 13}) {
    EXPECT_TRUE(
        test::identical(served(ids.narrow(0, 0, length), {{0, length}}, rule, kExperts), whole.narrow(0, 0, length)));
  }
}

// Two rows that go on from 9 tokens of the first: decided as the texts that they end.
TEST_P(ServedTopK, CountsThePrefixOfARowThatContinuesAnother) {
  const CapacityRule rule{.block = 8, .factor = 1.0, .minimum = 1};
  const Tensor ids = random_ids({24, GetParam()}, kExperts, 3);
  const Tensor found = served(ids, {{0, 12}, {12, 20, 0, 9}, {20, 24, 0, 9}}, rule, kExperts);
  for (const auto& [begin, length] : {std::pair<std::int64_t, std::int64_t>{12, 8}, {20, 4}}) {
    const Tensor text = at::cat({ids.narrow(0, 0, 9), ids.narrow(0, begin, length)});
    EXPECT_TRUE(test::identical(found.narrow(0, begin, length), served_by_the_rule(text, 8, 2).narrow(0, 9, length)));
  }
}

TEST_P(ServedTopK, GoesOnTokenByTokenAsTheWholeTextDoes) {
  const CapacityRule rule{.block = 7, .factor = 1.0, .minimum = 1};
  const Tensor first = random_ids({20, GetParam()}, kExperts, 4), second = random_ids({18, GetParam()}, kExperts, 5);
  Tensor counts = at::full({2, kExperts + 2}, 99, at::kLong);  // wider than the layer, and used before
  served(at::cat({first.narrow(0, 0, 6), second.narrow(0, 0, 4)}), {{0, 6}, {6, 10}}, rule, kExperts, counts);
  const Tensor whole_first = served(first, {{0, 20}}, rule, kExperts);
  const Tensor whole_second = served(second, {{0, 18}}, rule, kExperts);
  for (std::int64_t step = 0; step < 14; ++step) {
    const Tensor found = served_next_(counts, at::stack({first[6 + step], second[4 + step]}),
                                      at::tensor({6 + step, 4 + step}, at::kLong), rule, kExperts);
    EXPECT_TRUE(test::identical(found, at::stack({whole_first[6 + step], whole_second[4 + step]}))) << step;
  }
}

INSTANTIATE_TEST_SUITE_P(K, ServedTopK, testing::Values(1, 2));

// Token 1 chooses expert 0 second, after token 0 did and before token 2; a token's own first choice comes before.
TEST(Served, TakesTheChoicesOfATokenInTheirOrder) {
  const CapacityRule one{.block = 8, .factor = 0.1, .minimum = 1};
  const Tensor ids = at::tensor({1, 0, 2, 0, 0, 1}, at::kLong).view({3, 2});
  const Tensor expected = at::tensor({1, 1, 1, 0, 0, 0}, at::kLong).view({3, 2}).to(at::kBool);
  EXPECT_TRUE(test::identical(served(ids, {{0, 3}}, one, 3), expected));
  const Tensor twice = at::tensor({1, 1}, at::kLong).view({1, 2});  // merged experts may be chosen twice by a token
  EXPECT_TRUE(
      test::identical(served(twice, {{0, 1}}, one, 3), at::tensor({1, 0}, at::kLong).view({1, 2}).to(at::kBool)));
}

}  // namespace
}  // namespace uncurl::nn
