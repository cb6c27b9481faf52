#include "uncurl/kernels/running_softmax.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace uncurl::kernels {
namespace {

TEST(RunningSoftmax, OfTwoBlocksIsThatOfBoth) {
  constexpr float kScale = 0.5f;
  std::vector<float> first{3, -200, 1.5f, 0}, second{7, 7, -1};
  std::vector<double> expected;
  double sum = 0;
  for (const std::vector<float>& block : {first, second}) {
    for (const float score : block) expected.push_back(std::exp(kScale * (score - 7.0)));
  }
  for (const double weight : expected) sum += weight;

  RunningSoftmax state;
  EXPECT_EQ(state.add_(first.data(), 4, kScale), 0.0f);
  const float factor = state.add_(second.data(), 3, kScale);
  EXPECT_FLOAT_EQ(state.maximum, 3.5f);
  EXPECT_NEAR(state.sum, sum, 1e-6 * sum);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(first[i] * factor, expected[i], 1e-6 * expected[i] + 1e-38);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(second[i], expected[i + 4], 1e-6 * expected[i + 4]);
}

TEST(RunningSoftmax, IsAccurateFarBelowTheMaximum) {
  std::vector<float> scores(1001);
  for (std::size_t i = 0; i < scores.size(); ++i) scores[i] = -0.085f * static_cast<float>(i);
  const std::vector<float> before = scores;
  RunningSoftmax().add_(scores.data(), static_cast<std::int64_t>(scores.size()), 1.0f);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double expected = std::exp(static_cast<double>(before[i]));
    EXPECT_NEAR(scores[i], expected, 3e-7 * expected) << before[i];
  }
}

TEST(RunningSoftmax, KeepsNan) {
  std::vector<float> scores(40, 1.0f);
  scores[21] = std::nanf("");
  RunningSoftmax state;
  state.add_(scores.data(), 40, 1.0f);
  EXPECT_TRUE(std::isnan(state.sum));
}

}  // namespace
}  // namespace uncurl::kernels
