// What `uncurl study` found, as study.json holds it (docs/formats.md): models that were trained at several sizes,
// pruned, finetuned and scored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/report/numbers.h"

namespace uncurl::report {

struct TrainedModel {
  std::string name;                         ///< "8e", "uncurl 32 to 8"
  std::int64_t experts = 0;                 ///< 0: dense
  std::optional<std::int64_t> pruned_from;  ///< none: trained as it is
  std::string method;                       ///< of pruning
};

struct ValidationPoint {
  std::int64_t tokens = 0;
  double loss = 0;  ///< nats a token
};

struct PretrainedModel {
  TrainedModel model;
  std::int64_t parameters = 0, active_parameters = 0;
  double loss = 0;
  std::optional<double> dense_equivalent;            ///< parameters of the dense model of equal loss
  std::vector<std::vector<ValidationPoint>> curves;  ///< by seed
};

struct PruningLoss {
  TrainedModel model;
  std::string task;
  std::vector<double> kl_by_seed;
};

struct TrainedScore {
  TrainedModel model;
  std::string task;
  std::int64_t n = 0;  ///< rows
  Estimate accuracy;
  std::vector<double> by_seed;
};

struct ScoreDifference {
  TrainedModel model;
  std::string other, against, task;  ///< against "scratch", "unpruned" or "dense"
  Estimate difference;               ///< model - other
  std::optional<double> detectable;
  std::optional<std::int64_t> seeds_needed;
};

struct ExpertUse {
  TrainedModel model;
  std::string task;
  std::vector<std::int64_t> layers;
  std::vector<std::vector<double>> shares;  ///< by layer and expert
};

struct EmbeddedLayer {
  std::int64_t layer = 0;
  std::vector<double> x, y, share;
  std::vector<std::int64_t> group;  ///< by expert; -1: dropped
};

struct ClusterEmbedding {
  TrainedModel model;
  std::string task;
  std::vector<EmbeddedLayer> layers;
};

struct TrainedTask {
  std::string name;
  std::optional<double> majority;  ///< score of always giving the commonest answer
};

struct TrainedModels {
  std::int64_t stages = 0, stages_done = 0, seeds = 1, pretrain_seeds = 1, pretrain_tokens = 0;
  double detect = 0;
  std::vector<TrainedTask> tasks;
  std::vector<PretrainedModel> pretrained;
  std::vector<PruningLoss> pruning;
  std::vector<TrainedScore> scores;
  std::vector<ScoreDifference> differences;
  std::vector<ExpertUse> use;
  std::vector<ClusterEmbedding> embeddings;
};

}  // namespace uncurl::report
