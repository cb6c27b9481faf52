#include "uncurl/nn/attention.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/expect_near.h"
#include "uncurl/tensor/threads.h"

namespace uncurl::nn {
namespace {

using test::random_tensor;

constexpr double kTolerance = 1e-5;  // averages of values near one over at most 20 tokens, in fp32

/// Four loops in fp64: rows, heads, tokens, the tokens each may see.
Tensor attention_in_loops(const Tensor& q, const Tensor& k, const Tensor& v, const std::vector<std::int64_t>& begins,
                          double scale, std::int64_t window) {
  const Tensor q64 = q.to(at::kDouble), k64 = k.to(at::kDouble), v64 = v.to(at::kDouble);
  Tensor out = at::zeros_like(q64);
  const std::int64_t share = q.size(1) / k.size(1);
  for (std::size_t r = 0; r + 1 < begins.size(); ++r) {
    for (std::int64_t h = 0; h < q.size(1); ++h) {
      for (std::int64_t t = begins[r]; t < begins[r + 1]; ++t) {
        const std::int64_t first = window > 0 ? std::max(begins[r], t - window + 1) : begins[r];
        double total = 0;
        Tensor sum = at::zeros({q.size(2)}, at::kDouble);
        for (std::int64_t s = first; s <= t; ++s) {
          const double weight = std::exp(scale * q64[t][h].dot(k64[s][h / share]).item<double>());
          total += weight;
          sum += weight * v64[s][h / share];
        }
        out[t][h] = sum / total;
      }
    }
  }
  return out;
}

struct Case {
  const char* name;
  std::int64_t heads, kv_heads;
  std::vector<std::int64_t> begins;
  std::int64_t window;
};

class AttentionCase : public testing::TestWithParam<Case> {};

TEST_P(AttentionCase, EqualsFourLoops) {
  const auto& [name, heads, kv_heads, begins, window] = GetParam();
  const std::int64_t tokens = begins.back(), head_dim = 8;
  const Tensor q = random_tensor({tokens, heads, head_dim}, 1), k = random_tensor({tokens, kv_heads, head_dim}, 2),
               v = random_tensor({tokens, kv_heads, head_dim}, 3);
  const Tensor expected = attention_in_loops(q, k, v, begins, 0.4, window);
  EXPECT_TRUE(test::near(attention(q, k, v, begins, 0.4, window), expected, kTolerance));
  EXPECT_TRUE(test::near(attention_plain(q, k, v, begins, 0.4, window), expected, kTolerance));
}

INSTANTIATE_TEST_SUITE_P(All, AttentionCase,
                         testing::Values(Case{"OneRow", 2, 2, {0, 11}, 0}, Case{"GroupedHeads", 4, 2, {0, 9}, 0},
                                         Case{"OneKeyHead", 4, 1, {0, 9}, 0},
                                         Case{"PackedRows", 2, 2, {0, 5, 6, 13}, 0}, Case{"Window", 2, 2, {0, 12}, 4},
                                         Case{"WindowOfOne", 2, 2, {0, 5}, 1},
                                         Case{"WindowAsLongAsTheRow", 2, 2, {0, 6}, 6},
                                         Case{"WindowOnRaggedGroupedRows", 4, 2, {0, 3, 12}, 4},
                                         Case{"OneToken", 2, 1, {0, 1}, 0}),
                         [](const auto& test) { return std::string(test.param.name); });

/// Lengths around those of the blocks in which the fast one works, against the plain one in fp64.
class LongAttention : public testing::TestWithParam<Case> {
 protected:
  static Tensor reference(const Tensor& q, const Tensor& k, const Tensor& v, const std::vector<std::int64_t>& begins,
                          std::int64_t window) {
    return attention_plain(q.to(at::kDouble), k.to(at::kDouble), v.to(at::kDouble), begins, 0.3, window);
  }
};

TEST_P(LongAttention, EqualsThePlainOneInDouble) {
  const auto& [name, heads, kv_heads, begins, window] = GetParam();
  for (const std::int64_t head_dim : {7, 16}) {
    const Tensor q = random_tensor({begins.back(), heads, head_dim}, 1) * 2,
                 k = random_tensor({begins.back(), kv_heads, head_dim}, 2) * 2,
                 v = random_tensor({begins.back(), kv_heads, head_dim}, 3);
    EXPECT_TRUE(test::near(attention(q, k, v, begins, 0.3, window), reference(q, k, v, begins, window), kTolerance));
  }
}

TEST_P(LongAttention, IsAsExactInBf16AsThePlainOne) {
  const auto& [name, heads, kv_heads, begins, window] = GetParam();
  const std::int64_t num_tokens = begins.back();
  for (const std::int64_t head_dim : {7, 16}) {
    const auto bf16 = [&](std::int64_t h, unsigned seed) {
      return (random_tensor({num_tokens, h, head_dim}, seed) * 2).to(at::kBFloat16);
    };
    const Tensor q = bf16(heads, 1), k = bf16(kv_heads, 2), v = bf16(kv_heads, 3);
    const Tensor expected = reference(q, k, v, begins, window);
    const auto error = [&](const Tensor& found) { return (found.to(at::kDouble) - expected).norm().item<double>(); };
    EXPECT_LE(error(attention(q, k, v, begins, 0.3, window)),
              1.1 * error(attention_plain(q, k, v, begins, 0.3, window)));
  }
}

TEST_P(LongAttention, IsTheSameForOneThreadAndTwo) {
  const auto& [name, heads, kv_heads, begins, window] = GetParam();
  const Tensor q = random_tensor({begins.back(), heads, 16}, 1), k = random_tensor({begins.back(), kv_heads, 16}, 2),
               v = random_tensor({begins.back(), kv_heads, 16}, 3);
  const Tensor two = attention(q, k, v, begins, 0.3, window);
  const SingleThread single;
  EXPECT_TRUE(test::identical(attention(q, k, v, begins, 0.3, window), two));
}

INSTANTIATE_TEST_SUITE_P(All, LongAttention,
                         testing::Values(Case{"OneBlockOfKeys", 2, 1, {0, 512}, 0},
                                         Case{"OneKeyMore", 2, 1, {0, 513}, 0},
                                         Case{"BlocksOfQueries", 2, 2, {0, 63, 127, 192, 257}, 0},
                                         Case{"LongAndShort", 4, 2, {0, 700, 701, 733, 1400}, 0},
                                         Case{"WindowInABlock", 2, 1, {0, 1100}, 100},
                                         Case{"WindowOverBlocks", 2, 1, {0, 1300, 1500}, 600}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Attention, PassesOnThatAKeyIsNotANumber) {
  const Tensor q = random_tensor({70, 1, 8}, 10), v = random_tensor({70, 1, 8}, 12);
  Tensor k = random_tensor({70, 1, 8}, 11);
  k[66].fill_(std::nan(""));
  const Tensor found = attention(q, k, v, {0, 70}, 0.3, 0);
  EXPECT_TRUE(found.narrow(0, 0, 66).isfinite().all().item<bool>());
  EXPECT_TRUE(found.narrow(0, 66, 4).isnan().all().item<bool>());
}

TEST(Attention, OfOneTokenIsItsValue) {
  const Tensor v = random_tensor({1, 2, 8}, 4);
  const Tensor found = attention(random_tensor({1, 2, 8}, 5), random_tensor({1, 2, 8}, 6), v, {0, 1}, 1.0, 0);
  EXPECT_TRUE(test::near(found, v, 1e-6));
}

TEST(Attention, KeepsRowsFromTouching) {  // a change in the first row moves no bit of the second
  const Tensor q = random_tensor({9, 2, 8}, 7), k = random_tensor({9, 2, 8}, 8), v = random_tensor({9, 2, 8}, 9);
  const Tensor before = attention(q, k, v, {0, 4, 9}, 0.3, 0);
  Tensor changed = v.clone();
  changed.narrow(0, 0, 4).mul_(-3);
  const Tensor after = attention(q, k, changed, {0, 4, 9}, 0.3, 0);
  EXPECT_TRUE(test::identical(after.narrow(0, 4, 5), before.narrow(0, 4, 5)));
  EXPECT_FALSE(test::identical(after.narrow(0, 0, 4), before.narrow(0, 0, 4)));
}

TEST(Attention, NeverLooksAhead) {
  const Tensor q = random_tensor({6, 1, 8}, 10), k = random_tensor({6, 1, 8}, 11), v = random_tensor({6, 1, 8}, 12);
  const Tensor before = attention(q, k, v, {0, 6}, 0.3, 0);
  Tensor changed = v.clone();
  changed[5].fill_(100);
  const Tensor after = attention(q, k, changed, {0, 6}, 0.3, 0);
  EXPECT_TRUE(test::identical(after.narrow(0, 0, 5), before.narrow(0, 0, 5)));
}

}  // namespace
}  // namespace uncurl::nn
