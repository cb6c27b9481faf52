#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "tests/support/expect_near.h"
#include "uncurl/nn/attention.h"
#include "uncurl/tensor/threads.h"

namespace uncurl::nn {
namespace {

using test::random_tensor;

struct Case {
  const char* name;
  std::int64_t heads, kv_heads;
  std::vector<std::int64_t> begins;
  std::int64_t window;
};

using Implemented = decltype(&attention_plain);

Tensor attention_fast(const Tensor& q, const Tensor& k, const Tensor& v, const std::vector<std::int64_t>& begins,
                      double scale, std::int64_t window) {
  return attention(q, k, v, begins, scale, window, Implementation::kFastest);
}

/// Gradients of a weighted sum of the result by q, k and v.
std::vector<Tensor> gradients(Implemented implemented, const Case& row, std::int64_t head_dim, at::ScalarType dtype) {
  const std::int64_t tokens = row.begins.back();
  std::vector<Tensor> leaves;
  for (const std::int64_t heads : {row.heads, row.kv_heads, row.kv_heads}) {
    const Tensor values = random_tensor({tokens, heads, head_dim}, leaves.size() + 1) * 2;
    leaves.push_back(values.to(at::kBFloat16).to(dtype).requires_grad_(true));  // the same numbers in every dtype
  }
  const Tensor out = implemented(leaves[0], leaves[1], leaves[2], row.begins, 0.3, row.window);
  torch::autograd::backward({out}, {random_tensor(out.sizes().vec(), 9).to(at::kBFloat16).to(dtype)});
  std::vector<Tensor> result;
  for (const Tensor& leaf : leaves) result.push_back(leaf.grad());
  return result;
}

/// Gradients by q and k are scale * weight * (dout . v - dout . out) * k or q. Where a token sees itself alone the two
/// dot products are equal, and what is left of them in fp32 is the rounding of their terms: head_dim * 2^-24 of the
/// largest, with v, k and q below 10 and dout below 5. Libtorch's operations cancel exactly.
double cancelled(std::int64_t head_dim) {
  return static_cast<double>(head_dim) * 0x1p-24 * 0.3 * /*v=*/10 * /*dout=*/5 * /*k=*/10;
}

class AttentionGradient : public testing::TestWithParam<Case> {};

TEST_P(AttentionGradient, EqualsThatOfLibtorchInDouble) {
  for (const std::int64_t head_dim : {7, 16}) {
    const std::vector<Tensor> found = gradients(attention_fast, GetParam(), head_dim, at::kFloat);
    const std::vector<Tensor> expected = gradients(attention_plain, GetParam(), head_dim, at::kDouble);
    for (std::size_t i = 0; i < found.size(); ++i) {
      // Weights from a log in fp32 are off by their scores' size (up to 60) times 2^-24.
      const double largest = test::max_abs(expected[i]);
      const double tolerance = largest == 0 ? cancelled(head_dim) : 1e-5 * largest;
      EXPECT_TRUE(test::near(found[i], expected[i], tolerance)) << "input " << i;
    }
  }
}

TEST_P(AttentionGradient, IsAsExactInBf16AsThatOfLibtorch) {
  const std::vector<Tensor> found = gradients(attention_fast, GetParam(), 16, at::kBFloat16);
  const std::vector<Tensor> libtorch = gradients(attention_plain, GetParam(), 16, at::kBFloat16);
  const std::vector<Tensor> exact = gradients(attention_plain, GetParam(), 16, at::kDouble);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto error = [&](const Tensor& tensor) { return (tensor.to(at::kDouble) - exact[i]).norm().item<double>(); };
    const double rounding = cancelled(16) * std::sqrt(static_cast<double>(exact[i].numel()));  // of a norm
    EXPECT_EQ(found[i].scalar_type(), at::kBFloat16);
    const double theirs = error(libtorch[i]);
    EXPECT_LE(error(found[i]), theirs == 0 ? rounding : 1.1 * theirs) << "input " << i;
  }
}

TEST_P(AttentionGradient, IsTheSameForOneThreadAndTwo) {
  const std::vector<Tensor> two = gradients(attention_fast, GetParam(), 16, at::kFloat);
  const SingleThread single;
  const std::vector<Tensor> one = gradients(attention_fast, GetParam(), 16, at::kFloat);
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(test::identical(one[i], two[i])) << "input " << i;
}

// Lengths around those of the blocks (64 queries, 256 keys) in which the fast one works.
INSTANTIATE_TEST_SUITE_P(
    All, AttentionGradient,
    testing::Values(Case{"OneToken", 2, 1, {0, 1}, 0}, Case{"ShortRows", 2, 2, {0, 5, 6, 13}, 0},
                    Case{"OneBlockOfKeys", 2, 1, {0, 256}, 0}, Case{"OneKeyMore", 2, 1, {0, 257}, 0},
                    Case{"BlocksOfQueries", 4, 2, {0, 63, 127, 192, 257}, 0},
                    Case{"LongAndShort", 4, 2, {0, 700, 701, 733, 1000}, 0}, Case{"WindowOfOne", 2, 2, {0, 70}, 1},
                    Case{"WindowInABlock", 2, 1, {0, 500}, 100}, Case{"WindowOverBlocks", 2, 1, {0, 900, 1100}, 400}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace uncurl::nn
