// A study as stages that depend on each other: each is a checkpoint or a file under <output>/stages, named by what it
// is and by a hash of everything it depends on. What is there already is never made again, by any study.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/study/protocol/config.h"

namespace uncurl::study {

enum class StageKind { kPretrain, kObserve, kPrune, kWarmup, kPrefinetune, kFinetune, kEvaluate };
const char* kind_name(StageKind kind);  ///< "pretrain"
bool is_training(StageKind kind);

/// A model of the study, whatever its seed and task.
struct Variant {
  std::int64_t experts = 0;               ///< 0: dense
  std::int64_t pruned_from = 0;           ///< 0: trained as it is
  std::string method;                     ///< of pruning
  std::optional<std::size_t> dense_size;  ///< one of StudyConfig::dense_sizes

  bool operator==(const Variant&) const = default;
  std::string name() const;       ///< "dense", "8e", "uncurl 32 to 8"
  std::string file_name() const;  ///< "dense", "8e", "32to8-uncurl"
};

struct Stage {
  StageKind kind = StageKind::kPretrain;
  Variant variant;
  std::string task;  ///< empty before the model has met one
  std::int64_t seed = 0;
  std::string key;                        ///< hash of what the stage depends on
  std::filesystem::path path;             ///< what it leaves
  std::optional<std::size_t> model;       ///< the stage whose checkpoint it starts from
  std::optional<std::size_t> statistics;  ///< of pruning: the stage that observed
  bool keeps_inputs = false;              ///< of observing: a method of the study looks at inputs of experts
  train::TrainConfig train;               ///< of a training stage

  std::string name() const;  ///< "finetune uncurl 32 to 8 on rte, seed 1"
};

/// Hashes of what training runs read, each source read once.
class DataHashes {
 public:
  /// @throws Error naming the source if it cannot be read
  const std::string& of(const train::DataSource& source, const DataPlaces& places);

 private:
  std::map<std::string, std::string> known_;
};

/// All stages, each after those it depends on.
std::vector<Stage> stages_of(const StudyConfig& config, DataHashes& hashes);

/// What a task is called in names and tables: its file without folder and ending.
std::string task_name(const std::string& task);

/// The rows of a task that a model is finetuned on, and experts are observed on.
train::DataSource task_rows(const std::string& task);

}  // namespace uncurl::study
