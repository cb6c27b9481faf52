#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>

#include "tests/support/expect_near.h"
#include "tests/support/random_experts.h"
#include "uncurl/nn/experts.h"
#include "uncurl/nn/router.h"
#include "uncurl/tensor/autocast.h"

namespace uncurl::nn {
namespace {

using test::random_tensor;

/// A MoE block of fixed routes: inputs x [6,4], router [3,4], and three experts of width 5. Expert 2 gets no token.
struct Block {
  bool gated;
  at::ScalarType dtype;
  std::vector<Tensor> leaves;  ///< x, router, then the tensors of each expert

  Block(bool is_gated, at::ScalarType type) : gated(is_gated), dtype(type) {
    add({6, 4});
    add({3, 4});
    for (int e = 0; e < 3; ++e) {
      if (gated) add({5, 4});
      add({5, 4});
      add({4, 5});
      if (gated) continue;
      add({5});
      add({4});
    }
  }

  void add(const std::vector<std::int64_t>& shape) {
    const auto seed = static_cast<std::uint64_t>(leaves.size()) + 1;
    leaves.push_back(random_tensor(shape, seed).to(dtype).requires_grad_(true));
  }

  std::vector<Expert> experts() const {
    std::vector<Expert> made;
    for (std::size_t i = 2; i < leaves.size(); i += gated ? 3 : 4) {
      made.push_back(gated ? Expert{leaves[i], leaves[i + 1], leaves[i + 2]}
                           : Expert{{}, leaves[i], leaves[i + 1], leaves[i + 2], leaves[i + 3]});
    }
    return made;
  }

  /// A sum of the outputs with fixed weights.
  Tensor value() const {
    const Tensor ids = at::tensor({0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1}, at::kLong).view({6, 2});
    const Tensor gates = at::softmax(leaves[0].mm(leaves[1].t()), -1).gather(1, ids);
    const Tensor out = nn::experts(leaves[0], experts(), ids, gates, /*want_norms=*/false).out_ND;
    return (out * random_tensor({6, 4}, 77).to(dtype)).sum();
  }

  std::vector<Tensor> gradients() const {
    torch::autograd::backward({value()}, {});
    std::vector<Tensor> result;
    for (const Tensor& leaf : leaves) result.push_back(leaf.grad());
    return result;
  }
};

/// By central differences.
Tensor by_differences(const Block& block, const Tensor& leaf) {
  const c10::NoGradGuard no_grad;
  constexpr double kStep = 1e-2;
  Tensor result = at::zeros_like(leaf);
  Tensor values = leaf.view(-1), slots = result.view(-1);
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    const auto moved = [&](double by) {
      values[i] += by;
      const double value = block.value().item<double>();
      values[i] -= by;
      return value;
    };
    // Five points: the error is of the fourth order.
    slots[i] = (8 * (moved(kStep) - moved(-kStep)) - (moved(2 * kStep) - moved(-2 * kStep))) / (12 * kStep);
  }
  return result;
}

class ExpertsGradient : public testing::TestWithParam<bool> {};

TEST_P(ExpertsGradient, EqualsFiniteDifferences) {
  const Block block(GetParam(), at::kDouble);
  const std::vector<Tensor> found = block.gradients();
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Tensor expected = by_differences(block, block.leaves[i].detach());
    if (found[i].defined()) {
      EXPECT_TRUE(test::near(found[i], expected, 1e-6)) << "leaf " << i;
    } else {
      EXPECT_EQ(test::max_abs(expected), 0) << "leaf " << i << " has no gradient: its expert has no token";
    }
  }
}

TEST_P(ExpertsGradient, IsTheSameInFp32) {
  const std::vector<Tensor> found = Block(GetParam(), at::kFloat).gradients();
  const std::vector<Tensor> expected = Block(GetParam(), at::kDouble).gradients();
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(found[i].defined(), expected[i].defined());
    if (!found[i].defined()) continue;
    EXPECT_TRUE(test::near(found[i], expected[i], 2e-5)) << "leaf " << i;
  }
}

/// Gradients by x [5000,8] and the weights of two experts, of which the first has 4,600 rows: more than are computed
/// together.
std::vector<Tensor> gradients_of_a_busy_expert(bool gated, at::ScalarType dtype, bool autocast) {
  std::vector<Expert> experts;
  std::vector<Tensor> leaves = {random_tensor({5000, 8}, 1).to(dtype).requires_grad_(true)};
  const auto leaf = [&](const std::vector<std::int64_t>& shape) {
    leaves.push_back(random_tensor(shape, leaves.size() + 1).to(dtype).requires_grad_(true));
    return leaves.back();
  };
  for (int e = 0; e < 2; ++e) {
    if (gated) {
      experts.push_back({leaf({16, 8}), leaf({16, 8}), leaf({8, 16})});
    } else {
      experts.push_back({{}, leaf({16, 8}), leaf({8, 16}), leaf({16}), leaf({8})});
    }
  }
  const Tensor ids = at::arange(5000).remainder(25).lt(2).to(at::kLong).unsqueeze(1);
  const Tensor gates = random_tensor({5000, 1}, 50).abs().to(dtype);
  const Autocast products(at::kCPU, autocast ? std::optional(at::kBFloat16) : std::nullopt);
  const Tensor out = nn::experts(leaves[0], experts, ids, gates, /*want_norms=*/false).out_ND;
  torch::autograd::backward({(out * random_tensor({5000, 8}, 77).to(dtype)).sum()}, {});
  std::vector<Tensor> result;
  for (const Tensor& tensor : leaves) result.push_back(tensor.grad());
  return result;
}

TEST_P(ExpertsGradient, OfAnExpertWithMoreRowsThanABlockIsComplete) {
  const std::vector<Tensor> exact = gradients_of_a_busy_expert(GetParam(), at::kDouble, false);
  const std::vector<Tensor> in_f32 = gradients_of_a_busy_expert(GetParam(), at::kFloat, false);
  const std::vector<Tensor> in_bf16 = gradients_of_a_busy_expert(GetParam(), at::kFloat, true);
  for (std::size_t i = 0; i < exact.size(); ++i) {
    EXPECT_TRUE(test::near(in_f32[i], exact[i], 1e-5 * test::max_abs(exact[i]))) << "leaf " << i;
    EXPECT_TRUE(test::near(in_bf16[i], exact[i], 0.02 * test::max_abs(exact[i]))) << "leaf " << i;
  }
}

TEST_P(ExpertsGradient, OfABusyExpertHasTheSameBitsOnAnyNumberOfThreads) {
  for (const bool autocast : {false, true}) {
    const int before = at::get_num_threads();
    at::set_num_threads(1);
    const std::vector<Tensor> alone = gradients_of_a_busy_expert(GetParam(), at::kFloat, autocast);
    for (const int threads : {2, 8}) {
      at::set_num_threads(threads);
      const std::vector<Tensor> found = gradients_of_a_busy_expert(GetParam(), at::kFloat, autocast);
      for (std::size_t i = 0; i < found.size(); ++i) EXPECT_TRUE(test::identical(found[i], alone[i])) << "leaf " << i;
    }
    at::set_num_threads(before);
  }
}

INSTANTIATE_TEST_SUITE_P(Gated, ExpertsGradient, testing::Bool());

}  // namespace
}  // namespace uncurl::nn
