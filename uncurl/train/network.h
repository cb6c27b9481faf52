// The model as training runs it: all layers in memory, with gradients.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/model/block.h"
#include "uncurl/train/lora.h"
#include "uncurl/train/recompute.h"
#include "uncurl/train/weights.h"

namespace uncurl::train {

/// What the experts of one MoE layer were asked for: choices before any was dropped.
struct ExpertLoad {
  std::int64_t layer = 0;
  std::vector<std::int64_t> choices_E;
  std::int64_t dropped = 0;

  void add(const ExpertLoad& other);
};

struct RunOptions {
  bool training = true;                    ///< experts have their capacity of training
  bool balance = true;                     ///< also the load-balancing loss
  bool recompute = false;                  ///< see recompute.h
  std::optional<at::ScalarType> autocast;  ///< dtype of products; none: fp32
};

struct RunResult {
  Tensor hidden_ND;  ///< what the head sees, final norm included
  Tensor balance;    ///< sum of the layers' load-balancing losses; undefined: no MoE layer, or not asked for
  std::vector<ExpertLoad> loads;  ///< one a MoE layer
};

class Network {
 public:
  /// @param weights  and the updates are referred to
  Network(const ModelWeights& weights, const std::map<std::string, LowRank>& updates);

  /// @throws Error if a row is longer than the model has positions
  RunResult run(const model::PackedRows& rows, const RunOptions& options) const;

  const Tensor& head() const;  ///< [V,D]

 private:
  struct LayerInputs;

  LayerFunction layer_function(std::size_t layer, const LayerInputs& inputs) const;
  model::LayerWeights updated_layer(std::size_t layer) const;
  Tensor embed(const model::PackedRows& rows, at::Device device) const;

  const ModelWeights& weights_;
  const std::map<std::string, LowRank>& updates_;
  Tensor anchor_;  ///< see run_and_recompute
};

}  // namespace uncurl::train
