#include "uncurl/train/recompute.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "tests/support/expect_near.h"

namespace uncurl::train {
namespace {

using test::random_tensor;

/// A layer with two weights, two results and a number of calls.
struct Layer {
  Tensor first = random_tensor({5, 4}, 1).requires_grad_(true), second = random_tensor({4, 5}, 2).requires_grad_(true);
  int calls = 0;

  LayerFunction function() {
    return [this](const Tensor& hidden) -> std::vector<Tensor> {
      ++calls;
      const Tensor inner = at::tanh(hidden.mm(first.t()));
      return {hidden + inner.mm(second.t()), inner.pow(2).sum()};
    };
  }
};

Tensor anchor() { return at::zeros({}).requires_grad_(true); }

TEST(Recompute, HasTheGradientsOfTheLayerAndCallsItTwice) {
  const Tensor x = random_tensor({3, 4}, 3).requires_grad_(true), x_kept = x.detach().clone().requires_grad_(true);
  Layer layer, kept;
  const std::vector<Tensor> found = run_and_recompute(x, anchor(), layer.function());
  const std::vector<Tensor> expected = kept.function()(x_kept);
  torch::autograd::backward({found[0].sin().sum() + 0.3 * found[1]}, {});
  torch::autograd::backward({expected[0].sin().sum() + 0.3 * expected[1]}, {});
  EXPECT_TRUE(at::equal(found[0], expected[0]));
  EXPECT_TRUE(at::equal(x.grad(), x_kept.grad()));
  EXPECT_TRUE(at::equal(layer.first.grad(), kept.first.grad()));
  EXPECT_TRUE(at::equal(layer.second.grad(), kept.second.grad()));
  EXPECT_EQ(layer.calls, 2);
}

TEST(Recompute, GivesGradientsOfWeightsBelowAFrozenInput) {
  Layer layer;
  const std::vector<Tensor> found = run_and_recompute(random_tensor({3, 4}, 3), anchor(), layer.function());
  torch::autograd::backward({found[0].sum()}, {});  // the second result is not used
  EXPECT_TRUE(layer.first.grad().defined() && layer.second.grad().defined());
}

// nn chooses kernels by whether a gradient is wanted: both calls must see the same.
TEST(Recompute, RunsBothTimesAsWithGradients) {
  std::vector<bool> wanted;
  const auto run = [&wanted](const Tensor& hidden) -> std::vector<Tensor> {
    const Tensor out = hidden.exp();
    wanted.push_back(out.requires_grad());
    return {out};
  };
  const Tensor x = random_tensor({3, 4}, 3).requires_grad_(true);
  torch::autograd::backward({run_and_recompute(x, anchor(), run)[0].sum()}, {});
  EXPECT_EQ(wanted, (std::vector<bool>{true, true}));
}

TEST(Recompute, KeepsNothingOfTheLayerButItsInput) {
  Tensor inner;
  const auto run = [&inner](const Tensor& hidden) -> std::vector<Tensor> {
    inner = hidden.exp();
    return {inner.sin()};
  };
  const std::vector<Tensor> found = run_and_recompute(random_tensor({3, 4}, 3), anchor(), run);
  EXPECT_EQ(inner.use_count(), 1);
  EXPECT_TRUE(found[0].requires_grad());
}

}  // namespace
}  // namespace uncurl::train
