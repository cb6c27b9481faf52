// The training loop: what `uncurl train` and every stage of a study call.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "uncurl/base/listener.h"
#include "uncurl/model/config.h"
#include "uncurl/train/config.h"

namespace uncurl::train {

/// Where names of tasks and paths in task files start (text::ReadOptions).
struct Places {
  std::filesystem::path tasks_folder, data_root;
};

/// What a run will do, known before its first step.
struct Outline {
  std::int64_t parameters = 0;          ///< of the model
  std::int64_t trained_parameters = 0;  ///< that the optimiser changes; those of LoRA's updates in their place
  std::int64_t steps = 0;
  std::int64_t tokens = 0;        ///< that the model reads in all steps, before any is left out of the loss
  double epochs = 0;              ///< rows drawn over rows there are
  double flops_per_token = 0;     ///< forward and backward, see flops_per_token()
  double memory_bytes = 0;        ///< of weights, gradients and moments; activations come on top
  std::int64_t steps_done = 0;    ///< from which an interrupted run of this config goes on
  std::vector<std::string> told;  ///< the same as lines for a reader
};

/// Reads model and data as `run` does, and writes nothing. @throws Error as run
Outline outline(const TrainConfig& config, const Places& places, const Listener& listener);

/// Mean loss of the next token on rows that are not trained on, without the load-balancing loss.
struct ValidationLoss {
  std::string source;
  double loss = 0;  ///< nats a token
  std::int64_t tokens = 0;
};

struct Result {
  std::filesystem::path folder;
  std::int64_t steps = 0, tokens = 0;
  double loss = 0;                         ///< of the last step's batch, nats a counted token
  std::vector<ValidationLoss> validation;  ///< behind the last step; empty where nothing is measured
  double seconds = 0;                      ///< of this process, an interrupted run's earlier part not included
};

/// Trains and leaves a Hugging Face folder at `config.output`: the checkpoint, config.json and tokenizer as the input
/// had them, log.jsonl and train.json (docs/formats.md).
///
/// While it runs, OUTPUT.partial holds the state it goes on from: an interrupted run of the same config resumes there
/// by itself and ends in the same bytes as one that was not interrupted. It stops where the progress callback throws
/// Interrupted, and throws TrainingInterrupted then.
/// @throws Error before the first step for anything that can be known then; naming the step if the loss is not finite
Result run(const TrainConfig& config, const Places& places, const Listener& listener);

/// An interruption that lost nothing: the same config goes on behind the last finished step; what() says from where.
class TrainingInterrupted : public Interrupted {
 public:
  explicit TrainingInterrupted(std::string message) : message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

}  // namespace uncurl::train
