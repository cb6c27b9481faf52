#include "uncurl/nn/cached_attention.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/support/expect_near.h"
#include "uncurl/nn/attention.h"

namespace uncurl::nn {
namespace {

using test::random_tensor;

constexpr double kTolerance = 1e-5;  // averages of values near one over at most 12 tokens, in fp32

struct Row {
  Tensor q = random_tensor({12, 4, 8}, 1), k = random_tensor({12, 2, 8}, 2), v = random_tensor({12, 2, 8}, 3);

  Tensor whole(std::int64_t window) const { return attention(q, k, v, {0, 12}, 0.4, window); }
};

// The last tokens of a row see the same keys whether its first ones are run beside them or not.
TEST(ContinuedAttention, IsTheEndOfAttentionOverTheWholeRow) {
  const Row row;
  for (const std::int64_t window : {0, 3}) {
    const Tensor found = continued_attention(row.q.slice(0, 5), row.k, row.v, 0.4, window);
    EXPECT_TRUE(test::near(found, row.whole(window).slice(0, 5), kTolerance)) << "window " << window;
  }
}

// Two sequences of 12 and 7 tokens in a cache with room for 15; what lies after their ends must not matter.
TEST(CachedAttention, IsTheLastTokenOfAttentionOverTheWholeRow) {
  const Row row;
  const auto cache = [&](const Tensor& x) {
    const Tensor room = at::full({2, 2, 15, 8}, 1e4);
    room.select(0, 0).slice(1, 0, 12).copy_(x.transpose(0, 1));
    room.select(0, 1).slice(1, 0, 7).copy_(x.slice(0, 0, 7).transpose(0, 1));
    return room;
  };
  const Tensor queries = at::stack({row.q[11], row.q[6]}), lengths = at::tensor({12, 7}, at::kLong);
  for (const std::int64_t window : {0, 3}) {
    const Tensor whole = row.whole(window);
    const Tensor found = cached_attention(queries, cache(row.k), cache(row.v), lengths, 0.4, window);
    EXPECT_TRUE(test::near(found, at::stack({whole[11], whole[6]}), kTolerance)) << "window " << window;
  }
}

}  // namespace
}  // namespace uncurl::nn
