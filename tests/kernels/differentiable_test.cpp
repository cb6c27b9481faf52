#include "uncurl/kernels/differentiable.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "tests/support/expect_gradients.h"
#include "tests/support/random_experts.h"

namespace uncurl::kernels {
namespace {

using test::expect_gradients;
using test::random_tensor;

TEST(Differentiable, LinearHasTheGradientsOfLibtorch) {
  const std::vector<Tensor> inputs = {random_tensor({300, 70}, 1), random_tensor({130, 70}, 2),
                                      random_tensor({130}, 3)};
  expect_gradients(
      [](const auto& in) {
        return differentiable_linears(in[0], {{in[1], in[2]}}).front();
      },
      [](const auto& in) { return at::linear(in[0], in[1], in[2]); }, inputs);
}

TEST(Differentiable, LinearNeedsNoBias) {
  const std::vector<Tensor> inputs = {random_tensor({5, 7}, 1), random_tensor({3, 7}, 2)};
  expect_gradients(
      [](const auto& in) {
        return differentiable_linears(in[0], {{in[1], {}}}).front();
      },
      [](const auto& in) { return at::linear(in[0], in[1]); }, inputs);
}

/// x, then a weight and a bias for each of three maps, the second without; more rows than a thread takes at once.
std::vector<Tensor> of_three_maps() {
  return {random_tensor({2500, 30}, 1), random_tensor({20, 30}, 2), random_tensor({20}, 3),
          random_tensor({9, 30}, 4),    random_tensor({16, 30}, 5), random_tensor({16}, 6)};
}

Tensor side_by_side(const std::vector<Tensor>& in) {
  return at::cat(differentiable_linears(in[0], {{in[1], in[2]}, {in[3], {}}, {in[4], in[5]}}), 1);
}

TEST(Differentiable, LinearsOfOneXHaveTheGradientsOfLibtorch) {
  expect_gradients(
      side_by_side,
      [](const auto& in) {
        return at::cat({at::linear(in[0], in[1], in[2]), at::linear(in[0], in[3]), at::linear(in[0], in[4], in[5])}, 1);
      },
      of_three_maps());
}

TEST(Differentiable, LinearsGiveOnlyTheGradientsThatAreWanted) {
  std::vector<Tensor> in = of_three_maps();
  for (const std::size_t wanted : {0, 2, 3}) in[wanted].requires_grad_(true);
  torch::autograd::backward({side_by_side(in).sum()}, {});
  for (std::size_t i = 0; i < in.size(); ++i) EXPECT_EQ(in[i].grad().defined(), in[i].requires_grad()) << i;
  const Tensor weights = at::cat({in[1], in[3], in[4]}).detach().sum(0, /*keepdim=*/true).expand({2500, 30});
  EXPECT_TRUE(test::near(in[0].grad(), weights, 1e-4));
  EXPECT_TRUE(test::identical(in[2].grad(), at::full({20}, 2500.0f)));
  EXPECT_TRUE(test::near(in[3].grad(), in[0].detach().sum(0, true).expand({9, 30}), 1e-3));
}

/// In f32 and bf16.
void expect_same_bits(const test::Operation& operation, const std::vector<Tensor>& inputs) {
  const int before = at::get_num_threads();
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    std::vector<Tensor> in;
    for (const Tensor& input : inputs) in.push_back(input.to(dtype));
    at::set_num_threads(1);
    const std::vector<Tensor> alone = test::value_and_gradients(operation, in);
    at::set_num_threads(8);
    const std::vector<Tensor> found = test::value_and_gradients(operation, in);
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_TRUE(test::identical(found[i], alone[i])) << dtype << i;
  }
  at::set_num_threads(before);
}

TEST(Differentiable, LinearsHaveTheSameBitsOnAnyNumberOfThreads) { expect_same_bits(side_by_side, of_three_maps()); }

TEST(Differentiable, LinearsWithALargeWeightToo) {  // all threads at each product
  const std::vector<Tensor> inputs = {random_tensor({1500, 700}, 1), random_tensor({800, 700}, 2),
                                      random_tensor({30, 700}, 3)};
  const auto ours = [](const std::vector<Tensor>& in) {
    return at::cat(differentiable_linears(in[0], {{in[1], {}}, {in[2], {}}}), 1);
  };
  expect_same_bits(ours, inputs);
  expect_gradients(
      ours,
      [](const auto& in) {
        return at::cat({at::linear(in[0], in[1]), at::linear(in[0], in[2])}, 1);
      },
      inputs);
}

TEST(Differentiable, PermutedRowsGetTheirGradientsBack) {
  const Tensor order = at::tensor({2, 0, 3, 1}, at::kLong), inverse = order.argsort();
  expect_gradients([&](const auto& in) { return permute_rows(in[0], order, inverse); },
                   [&](const auto& in) { return in[0].index_select(0, order); }, {random_tensor({4, 3}, 1)});
}

}  // namespace
}  // namespace uncurl::kernels
