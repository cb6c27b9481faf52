#include "uncurl/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace uncurl::train {

std::int64_t warmup_steps(const ScheduleConfig& config, std::int64_t num_steps) {
  return config.warmup_steps.value_or(std::min<std::int64_t>(1000, num_steps / 10));
}

double learning_rate(const ScheduleConfig& config, double peak, std::int64_t step, std::int64_t num_steps) {
  const std::int64_t warmup = warmup_steps(config, num_steps);
  if (step < warmup) return peak * static_cast<double>(step + 1) / static_cast<double>(warmup);
  const double done =
      static_cast<double>(step - warmup) / static_cast<double>(std::max<std::int64_t>(1, num_steps - warmup));
  if (config.decay == Decay::kConstant) return peak;
  const double left = config.decay == Decay::kLinear ? 1 - done : 0.5 * (1 + std::cos(std::numbers::pi * done));
  return peak * (config.floor + (1 - config.floor) * left);
}

}  // namespace uncurl::train
