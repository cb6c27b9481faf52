// One run in memory: model, data, optimiser, and the step that moves them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/nn/training_loss.h"
#include "uncurl/train/batches.h"
#include "uncurl/train/network.h"
#include "uncurl/train/optimizer.h"
#include "uncurl/train/trainer.h"

namespace uncurl::train {

/// What came of one step.
struct StepResult {
  double loss = 0;                  ///< mean of the next-token loss, nats a token
  std::optional<double> balance;    ///< mean load-balancing loss, summed over layers; none without MoE layers
  std::optional<double> objective;  ///< with a teacher: the mean of what was minimised, without the balance
  double gradient_norm = 0;
  double optimizer_seconds = 0;  ///< of clipping and AdamW
  std::vector<ExpertLoad> loads;
};

class Run {
 public:
  /// Opens model, teacher and data. @throws Error for what does not fit
  Run(const TrainConfig& config, const Listener& listener);

  TrainOutline outline() const;
  const std::vector<Step>& steps() const { return steps_; }
  std::vector<Trained>& trained() { return trained_; }

  /// Recognises the run: config, the model that it starts from, and the data.
  const std::string& key() const { return key_; }

  StepResult step(std::size_t number);
  std::vector<ValidationLoss> validate() const;

  /// The checkpoint as it is now, LoRA's updates merged in.
  void write(const std::filesystem::path& folder);

  const TrainConfig& config() const { return config_; }
  const Corpus& corpus() const { return corpus_; }

 private:
  /// A model whose weights stay.
  struct Frozen {
    model::Model model;
    ModelWeights weights;
    std::map<std::string, LowRank> no_updates;
    Network network;
    explicit Frozen(const std::filesystem::path& folder, at::Device device);
  };

  RunOptions run_options(bool training) const;
  nn::Teacher teacher_of(const Packed& batch) const;
  void choose_trained();

  TrainConfig config_;
  const Listener& listener_;
  at::Device device_;
  std::optional<model::Model> model_;  // training starts from it; none: from scratch
  ModelWeights weights_;
  std::map<std::string, LowRank> updates_;
  std::vector<Trained> trained_;
  std::unique_ptr<Frozen> teacher_;
  std::optional<Network> network_;
  Corpus corpus_;
  std::vector<Step> steps_;
  std::string key_;
};

}  // namespace uncurl::train
