// What a study will cost, said before anything runs.
#pragma once

#include <cstdint>
#include <vector>

#include "uncurl/base/listener.h"
#include "uncurl/study/protocol/stages.h"

namespace uncurl::study {

struct StageCost {
  std::int64_t tokens = 0;  ///< that the model reads
  double flops = 0;         ///< floating-point operations: of training three times those of the forward pass
  double seconds = 0;       ///< as it took; of a stage that is not done: foreseen
  bool is_done = false;
};

/// Operations a second before anything was measured: what one thread of a common processor makes of small models.
inline constexpr double kAssumedRate = 5e10;

/// One entry a stage. Tokens of runs that are counted in passes over their rows come from tokenising these rows.
/// Seconds that are foreseen follow from the finished training stages' operations a second, else from kAssumedRate a
/// thread.
std::vector<StageCost> costs_of(const StudyConfig& config, const std::vector<Stage>& stages, int num_threads,
                                const Listener& listener);

}  // namespace uncurl::study
