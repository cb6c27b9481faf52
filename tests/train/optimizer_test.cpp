#include "uncurl/train/optimizer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/support/expect_near.h"

namespace uncurl::train {
namespace {

using test::random_tensor;

/// A matrix, a vector, a number, and a matrix without a gradient; gradients times `scale`.
std::vector<Trained> trained_with(double scale) {
  std::vector<Trained> trained;
  const std::vector<std::vector<std::int64_t>> shapes = {{3, 400}, {50}, {}, {2, 2}};
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const Tensor value = random_tensor(shapes[i], i + 1).requires_grad_(true);
    if (i < 3) value.mutable_grad() = random_tensor(shapes[i], i + 10) * scale;
    trained.push_back(make_trained("tensor " + std::to_string(i), value, /*decays=*/i == 0));
  }
  return trained;
}

double norm_in_fp64(const std::vector<Trained>& trained) {
  double sum = 0;
  for (const Trained& tensor : trained) {
    if (tensor.value.grad().defined()) sum += tensor.value.grad().to(at::kDouble).square().sum().item<double>();
  }
  return std::sqrt(sum);
}

TEST(GradientNorm, EqualsThatOfAllGradientsInFp64) {
  const std::vector<Trained> trained = trained_with(3);
  EXPECT_NEAR(gradient_norm(trained), norm_in_fp64(trained), 1e-6 * norm_in_fp64(trained));
}

/// Values, means and variances after two steps, the second with gradients of its own.
std::vector<Tensor> after_steps(double clip, double scale) {
  OptimizerConfig config;
  config.clip = clip;
  std::vector<Trained> trained = trained_with(scale);
  for (int step = 0; step < 2; ++step) {
    adamw_step(trained, config, /*learning_rate=*/0.1, gradient_norm(trained));
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_FALSE(trained[i].value.grad().defined());
      trained[i].value.mutable_grad() = random_tensor(trained[i].value.sizes().vec(), i + 20) * scale;
    }
  }
  std::vector<Tensor> result;
  for (const Trained& tensor : trained) {
    for (const Tensor& state : {tensor.value.detach(), tensor.mean, tensor.variance}) result.push_back(state.clone());
  }
  return result;
}

TEST(AdamwStep, ClipsAsScaledGradientsDo) {
  // Both steps are far above the norm 1: scaled to it by hand they are the same for any scale that clipping sees.
  const std::vector<Tensor> clipped = after_steps(/*clip=*/1, /*scale=*/7), other = after_steps(1, 100);
  for (std::size_t i = 0; i < clipped.size(); ++i) EXPECT_TRUE(test::near(clipped[i], other[i], 1e-5)) << i;
}

TEST(AdamwStep, BelowTheClipIsThatWithoutOne) {
  const std::vector<Tensor> below = after_steps(/*clip=*/1e6, /*scale=*/1), without = after_steps(/*clip=*/0, 1);
  for (std::size_t i = 0; i < below.size(); ++i) EXPECT_TRUE(test::identical(below[i], without[i])) << i;
}

TEST(AdamwStep, FollowsItsFormulaWithClippedGradients) {  // the first step
  OptimizerConfig config;
  config.clip = 0.5;
  std::vector<Trained> trained = trained_with(3), before = trained_with(3);
  const double norm = norm_in_fp64(trained), rate = 0.1;
  adamw_step(trained, config, rate, norm);
  for (std::size_t i = 0; i < trained.size(); ++i) {
    const Tensor value = before[i].value.detach().to(at::kDouble), gradient = before[i].value.grad();
    const Tensor clipped = gradient.defined() ? gradient.to(at::kDouble) * (0.5 / norm) : at::zeros_like(value);
    const double decay = trained[i].decays ? config.weight_decay : 0;
    const Tensor moved = value * (1 - rate * decay) - rate * clipped / (clipped.abs() + config.epsilon);
    EXPECT_TRUE(test::near(trained[i].mean, (1 - config.beta1) * clipped, 1e-8)) << trained[i].name;
    EXPECT_TRUE(test::near(trained[i].variance, (1 - config.beta2) * clipped.square(), 1e-9)) << trained[i].name;
    EXPECT_TRUE(test::near(trained[i].value.detach(), moved, 2e-5)) << trained[i].name;
  }
}

}  // namespace
}  // namespace uncurl::train
