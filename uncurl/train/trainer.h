// A training run from config to checkpoint: what `uncurl train` does, and a stage of a study.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "uncurl/base/listener.h"
#include "uncurl/train/config.h"

namespace uncurl::train {

/// Mean next-token loss of one validation source.
struct ValidationLoss {
  std::string source;
  std::int64_t num_targets = 0;
  double loss = 0;  ///< nats a token
};

struct TrainOutcome {
  std::int64_t steps = 0, tokens = 0;      ///< of the whole run
  double seconds = 0;                      ///< of the whole run, all its parts
  std::vector<ValidationLoss> validation;  ///< after the last step
};

/// What a run will do, known without running it.
struct TrainOutline {
  std::string model_type;
  std::int64_t parameters = 0;  ///< of the model
  std::int64_t trained = 0;     ///< of them, LoRA's updates in their place where there are some
  std::int64_t steps = 0, tokens = 0, targets = 0;
  double flops_per_token = 0;     ///< forward and backward, the teacher's forward apart
  std::uint64_t state_bytes = 0;  ///< weights, gradients and optimiser in memory, without activations
  std::int64_t warmup_steps = 0;
  std::int64_t first_step = 0;  ///< steps that an earlier part of the run has done
};

/// Trains, and leaves a Hugging Face folder at config.output (by rename, when whole) with log.jsonl and train.json in
/// it. A run that was stopped or killed goes on from its last state in config.output + ".partial", to the same bytes.
/// Interrupted, thrown out of a progress callback (between steps), is passed on after the state has been saved.
/// @param on_outline  called once, before the first step
/// @throws Error as check_config, for data or model that do not fit, and naming step and loss if a loss is not finite
TrainOutcome train(const TrainConfig& config, const Listener& listener,
                   const std::function<void(const TrainOutline&)>& on_outline = {});

/// What train() would do, from reading model and data; nothing is written.
TrainOutline outline(const TrainConfig& config, const Listener& listener);

}  // namespace uncurl::train
