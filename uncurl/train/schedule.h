// The learning rate of each step.
#pragma once

#include <cstdint>

#include "uncurl/train/config.h"

namespace uncurl::train {

/// As given, else 1,000 as in the paper, but at most a tenth of the steps.
std::int64_t warmup_steps(const ScheduleConfig& config, std::int64_t num_steps);

/// Linear from peak / warmup at step 0 to the peak at step warmup - 1; from there the decay reaches `floor` of the peak
/// right after the last step, so that every step moves something.
/// @param step  from 0 on
double learning_rate(const ScheduleConfig& config, double peak, std::int64_t step, std::int64_t num_steps);

}  // namespace uncurl::train
