// What a training run is asked for, as a program fills it in or a JSON file says it (docs/training.md).
// Defaults are those of Sarkar et al. 2024 (arXiv 2409.01483), Table 7, where it gives a number.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/base/json.h"

namespace uncurl::train {

/// Where the weights come from: a checkpoint, or its shape alone.
struct ModelSource {
  std::filesystem::path checkpoint;  ///< folder of a Hugging Face checkpoint; empty: from scratch
  Json config;                       ///< from scratch: what config.json will hold
  std::filesystem::path tokenizer;   ///< from scratch: a folder with a tokenizer, whose files the output gets
};

enum class DataKind {
  kPretrain,  ///< documents end to end with the end-of-text token after each, cut into rows of sequence_length tokens
  kInstruct   ///< a row per record; only the completion and the end-of-text token after it count
};

struct DataSource {
  std::string path;  ///< .txt, .jsonl, a task file or the name of a task
  DataKind kind = DataKind::kPretrain;
  std::optional<double> weight;  ///< share of the rows that are drawn; all sources or none. None: by their rows
  std::string record_template;   ///< for .jsonl of kind pretrain, as "{question}\n{answer}"
  std::string split = "train";   ///< which rows of a task
  bool skip_bad_rows = false;    ///< rows that cannot be read are left out and counted
};

/// How long to train: exactly one of the three.
struct Budget {
  std::int64_t steps = 0;
  std::int64_t tokens = 0;  ///< that the model reads; the last step is whole
  double epochs = 0;        ///< rows that are drawn, over all rows of all sources
};

/// Rows or tokens, exactly one of the two. A batch of tokens takes rows as long as they fit, at least one.
struct BatchSize {
  std::int64_t rows = 0;
  std::int64_t tokens = 0;
};

/// AdamW (Loshchilov and Hutter 2019): the decay is apart from the gradient, times the learning rate.
struct OptimizerConfig {
  double learning_rate = 5e-5;  ///< the peak
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.1;     ///< of tensors of two dimensions and more; never of norms and biases
  bool decay_embeddings = true;  ///< of token and position embeddings, and of the head where it is tied to them
  double clip = 1.0;             ///< of the norm of all gradients together; 0: no clipping
};

enum class Decay { kConstant, kLinear, kCosine };

struct ScheduleConfig {
  /// From peak / warmup_steps at the first step to the peak at the last of them. None: 1,000, as in the paper, but at
  /// most a tenth of the steps.
  std::optional<std::int64_t> warmup_steps;
  Decay decay = Decay::kLinear;  ///< from the peak to `floor` after the last step
  double floor = 0;              ///< of the peak, in [0, 1]
};

/// What the loss is measured on while training. Rows of `data`, or the share of each source's records that their hashes
/// choose, which then are not trained on. Neither: nothing is measured.
struct ValidationConfig {
  std::vector<DataSource> data;
  double share = 0;
  std::int64_t every_steps = 0;      ///< 0: after the last step alone
  std::int64_t max_tokens = 262144;  ///< of each source: its first rows
};

struct SaveConfig {
  std::int64_t every_steps = 0;  ///< of the state that a killed run goes on from; 0: by time alone
  double every_minutes = 10;     ///< 0: by steps alone
  std::string dtype =
      "stored";  ///< of the checkpoint: "f32", "bf16", or as the input stores each tensor (scratch: f32)
};

/// Low-rank updates (Hu et al. 2021) of frozen matrices: W + alpha/rank B A, merged into W when the model is saved.
struct LoraConfig {
  std::int64_t rank = 0;  ///< 0: no such updates
  double alpha = 16;
  std::vector<std::string> targets = {"attention", "routers"};
};

/// Distillation: the loss is (1 - weight) times that of the next token plus weight times temperature^2 times
/// KL(teacher || model) of the next-token distributions at that temperature (Hinton et al. 2015).
struct TeacherConfig {
  std::filesystem::path checkpoint;  ///< with the same vocabulary; empty: no teacher
  double weight = 1.0;
  double temperature = 1.0;
};

struct TrainConfig {
  ModelSource model;
  std::filesystem::path output;
  bool overwrite = false;  ///< an existing output, and a state of another run; set by the caller, not in the file
  std::filesystem::path tasks_folder, data_root;  ///< see text::ReadOptions; set by the caller, not in the file
  std::string program;  ///< version of the program, for train.json; set by the caller, not in the file
  std::vector<DataSource> data;
  Budget budget;
  std::int64_t sequence_length = 1024;  ///< tokens of a row that the model reads
  BatchSize batch = {.rows = 512};      ///< of one step of the optimiser
  BatchSize micro_batch = {};           ///< what runs at once; neither: as many rows as have 8,192 tokens
  OptimizerConfig optimizer;
  ScheduleConfig schedule;
  std::string dtype = "f32";      ///< of the forward and backward pass: "f32", or "bf16" by autocast
  std::string device = "cpu";     ///< "cpu", "cuda" or "cuda:N"
  bool recompute = false;         ///< keep the inputs of layers alone, and run each again in the backward pass
  double aux_coefficient = 0.01;  ///< of the load-balancing loss
  /// What is trained: tensors that match one of `train` and none of `freeze`. A pattern is a tensor name with * and ?,
  /// or one of routers, experts, shared, dense, attention, norms, embeddings, head.
  std::vector<std::string> train = {"*"};
  std::vector<std::string> freeze;
  ValidationConfig validation;
  SaveConfig save;
  LoraConfig lora;
  TeacherConfig teacher;
  std::uint64_t seed = 0;  ///< of the order of the data, of initial weights and of LoRA's
};

/// @param place  the file's name, for messages
/// @param base   the folder where relative paths of `json` start
/// @throws Error naming the key for what is missing, of another type or out of range, and for unknown keys, with the
///         nearest known one
TrainConfig read_train_config(const Json& json, const std::string& place, const std::filesystem::path& base);

/// The file's own folder is where its relative paths start.
TrainConfig read_train_config(const std::filesystem::path& file);

/// Everything that decides the weights, in the keys of the file: what read_train_config reads back, defaults filled in.
Json to_json(const TrainConfig& config);

/// Refuses contradictions that need no file to be seen. @throws Error naming the key, as the file calls it
void check_config(const TrainConfig& config);

}  // namespace uncurl::train
