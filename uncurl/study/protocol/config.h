// What a study is asked for: which models are trained and pruned, on which tasks, with which training runs
// (docs/study.md has the keys). The protocol is that of Sarkar et al. 2024 (arXiv 2409.01483), Figure 3.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/train/config.h"

namespace uncurl::study {

/// Where the routers of a pruned model are trained alone; the paper does not say where it does that.
enum class WarmupPlace {
  kAfterPruning,     ///< before prefinetuning
  kAfterPrefinetune  ///< before finetuning
};

struct Reduction {
  std::int64_t from = 0, to = 0;  ///< experts of a layer
};

struct StudyConfig {
  std::string name;
  std::filesystem::path output;
  Json model;                         ///< config.json of all models but for num_experts and top_k
  std::int64_t top_k = 1;             ///< of the sparse ones
  std::vector<std::int64_t> experts;  ///< of the models that are trained from scratch, ascending; 0: dense
  std::vector<Json> dense_sizes;      ///< changes to `model` for further dense models, which are pretrained alone
  std::vector<Reduction> reductions;
  std::vector<std::string> methods;  ///< as in prune::methods()
  std::vector<std::string> tasks;    ///< names or files of tasks with a train and a validation split
  std::int64_t pretrain_seeds = 1;   ///< pretrainings of each model
  std::int64_t seeds = 1;            ///< runs of everything after; run s starts from pretraining s % pretrain_seeds
  double detect = 0.02;              ///< difference of two scores that the study is meant to tell from chance
  std::int64_t observe_tokens = 131072;

  /// Training runs without what differs from stage to stage: model, output, seed, and the data of `finetune`. A stage
  /// that is not asked for is absent.
  train::TrainConfig pretrain, finetune;
  std::optional<train::TrainConfig> warmup, prefinetune;
  WarmupPlace warmup_place = WarmupPlace::kAfterPruning;

  std::string program;  ///< version of the program, for what is written; set by the caller, not in the file
};

/// Where `tasks` and the data of task files lie; see text::ReadOptions.
struct DataPlaces {
  std::filesystem::path tasks_folder, data_root;
};

/// The file's own folder is where its relative paths start.
/// @param device  of all training; empty: as the file says
/// @throws Error naming the key for what is missing, unknown or contradicts another key
StudyConfig read_study_config(const std::filesystem::path& file, const DataPlaces& places, const std::string& device);

/// config.json of a model of the study. @param changes  null, or one of dense_sizes. @param experts  0: dense
Json model_config(const StudyConfig& config, const Json& changes, std::int64_t experts);

}  // namespace uncurl::study
