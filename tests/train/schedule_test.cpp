#include "uncurl/train/schedule.h"

#include <gtest/gtest.h>

#include <vector>

namespace uncurl::train {
namespace {

std::vector<double> rates(const ScheduleConfig& config, std::int64_t steps) {
  std::vector<double> result;
  for (std::int64_t step = 0; step < steps; ++step) result.push_back(learning_rate(config, 8.0, step, steps));
  return result;
}

void expect_rates(const ScheduleConfig& config, const std::vector<double>& expected) {
  const std::vector<double> found = rates(config, static_cast<std::int64_t>(expected.size()));
  for (std::size_t step = 0; step < expected.size(); ++step) EXPECT_NEAR(found[step], expected[step], 1e-12) << step;
}

TEST(Schedule, RisesToThePeakAndFallsLinearlyBeyondTheLastStep) {
  expect_rates({.warmup_steps = 2, .decay = Decay::kLinear}, {4, 8, 8, 6, 4, 2});
}

TEST(Schedule, FallsAsACosineToItsFloor) {
  // (1 + cos(k pi / 4)) / 2 for k = 0..3, scaled into [0.25, 1] of the peak.
  const double root = 0.70710678118654752;
  expect_rates({.warmup_steps = 0, .decay = Decay::kCosine, .floor = 0.25},
               {8, 2 + 6 * (1 + root) / 2, 5, 2 + 6 * (1 - root) / 2});
}

TEST(Schedule, StaysAtThePeak) { expect_rates({.warmup_steps = 1, .decay = Decay::kConstant}, {8, 8, 8}); }

TEST(Schedule, WarmsUpForATenthUnlessToldOtherwise) {
  EXPECT_EQ(warmup_steps({}, 50), 5);
  EXPECT_EQ(warmup_steps({}, 1000000), 1000);
  EXPECT_EQ(warmup_steps({.warmup_steps = 0}, 50), 0);
}

}  // namespace
}  // namespace uncurl::train
