#include "uncurl/study/protocol/stages.h"

#include "uncurl/base/error.h"
#include "uncurl/base/hash.h"
#include "uncurl/model/config.h"
#include "uncurl/model/create.h"
#include "uncurl/model/family.h"
#include "uncurl/prune/plan_request.h"
#include "uncurl/text/source.h"

namespace uncurl::study {
namespace {

namespace fs = std::filesystem;

Stage make_stage(StageKind kind, const Variant& variant, const std::string& task, std::int64_t seed) {
  Stage stage;
  stage.kind = kind;
  stage.variant = variant;
  stage.task = task;
  stage.seed = seed;
  return stage;
}

/// Builds the stages one by one; a stage of a key that is there already is that one.
class Builder {
 public:
  Builder(const StudyConfig& config, DataHashes& hashes) : config_(config), hashes_(hashes) {
    Hasher hasher;
    for (const fs::path& file : model::tokenizer_files(config.pretrain.model.tokenizer)) hasher.add(file_hash(file));
    tokenizer_hash_ = hasher.hex();
  }

  std::size_t pretrain(const Variant& variant, std::int64_t seed) {
    Stage stage = make_stage(StageKind::kPretrain, variant, "", seed);
    stage.train = config_.pretrain;
    const Json changes = variant.dense_size ? config_.dense_sizes[*variant.dense_size] : Json();
    stage.train.model.config = model_config(config_, changes, variant.experts);
    stage.train.seed = static_cast<std::uint64_t>(seed);
    return add(std::move(stage), {});
  }

  std::size_t observe(std::size_t model, const std::string& task) {
    Stage stage = make_stage(StageKind::kObserve, stages_[model].variant, task, stages_[model].seed);
    stage.model = model;
    stage.keeps_inputs = any_needs_inputs(stage.variant.experts);
    const bool keeps_inputs = stage.keeps_inputs;
    return add(std::move(stage), {{"tokens", config_.observe_tokens},
                                  {"sequence_length", config_.pretrain.sequence_length},
                                  {"keeps_inputs", keeps_inputs}});
  }

  std::size_t prune(std::size_t statistics, const Reduction& reduction, const std::string& method, std::int64_t seed) {
    const Stage& observed = stages_[statistics];
    const Variant variant{.experts = reduction.to, .pruned_from = reduction.from, .method = method, .dense_size = {}};
    Stage stage = make_stage(StageKind::kPrune, variant, observed.task, seed);
    stage.model = observed.model;
    stage.statistics = statistics;
    return add(std::move(stage), {{"method", method}, {"experts", reduction.to}, {"seed", seed}});
  }

  std::size_t train_on(StageKind kind, const train::TrainConfig& run, std::size_t model, const std::string& task,
                       std::int64_t seed) {
    Stage stage = make_stage(kind, stages_[model].variant, task, seed);
    stage.train = run;
    if (kind == StageKind::kFinetune) stage.train.data = {task_rows(task)};
    stage.train.seed = static_cast<std::uint64_t>(seed);
    stage.train.model = {.checkpoint = stages_[model].path, .config = {}, .tokenizer = {}};
    stage.model = model;
    return add(std::move(stage), {});
  }

  void evaluate(std::size_t model, const std::string& task) {
    Stage stage = make_stage(StageKind::kEvaluate, stages_[model].variant, task, stages_[model].seed);
    stage.model = model;
    add(std::move(stage),
        {{"rows", hash_of({.path = task, .kind = {}, .record_template = {}, .split = "validation"})}});
  }

  std::vector<Stage> take() { return std::move(stages_); }

 private:
  const std::string& hash_of(const train::DataSource& source) {
    return hashes_.of(source, {config_.pretrain.tasks_folder, config_.pretrain.data_root});
  }

  /// A training run by content: where its files lie does not matter.
  Json run_json(const train::TrainConfig& run) {
    Json json = train::to_json(run);
    json.erase("save");
    const auto replace = [&](Json& list, const std::vector<train::DataSource>& sources) {
      for (std::size_t s = 0; s < sources.size(); ++s) list[s]["path"] = hash_of(sources[s]);
    };
    replace(json["data"], run.data);
    if (json.contains("validation")) replace(json["validation"]["data"], run.validation.data);
    if (run.model.checkpoint.empty())
      json["model"]["tokenizer"] = tokenizer_hash_;
    else
      json.erase("model");
    return json;
  }

  bool any_needs_inputs(std::int64_t from) const {
    const Json json = model_config(config_, Json(), from);
    const model::Family& family = model::find_family(JsonObject(json, "model").string("model_type"));
    const model::ModelConfig sizes = model::read_config(json, family, "model");
    for (const Reduction& reduction : config_.reductions) {
      for (const std::string& method : config_.methods) {
        const bool needed = reduction.from == from &&
                            prune::needs_inputs(prune::check_request(sizes, reduction.to, {.method = method}));
        if (needed) return true;
      }
    }
    return false;
  }

  std::size_t add(Stage stage, Json depends) {
    depends["kind"] = kind_name(stage.kind);
    if (is_training(stage.kind)) depends["run"] = run_json(stage.train);
    if (stage.kind == StageKind::kObserve) depends["data"] = hash_of(task_rows(stage.task));
    if (stage.model) depends["model"] = stages_[*stage.model].key;
    if (stage.statistics) depends["statistics"] = stages_[*stage.statistics].key;
    Hasher hasher;
    hasher.add(depends.dump());
    stage.key = hasher.hex();
    const auto [known, is_new] = index_.emplace(stage.key, stages_.size());
    if (!is_new) return known->second;
    stage.path = config_.output / "stages" / file_name(stage);
    if (is_training(stage.kind)) stage.train.output = stage.path;
    stages_.push_back(std::move(stage));
    return known->second;
  }

  static std::string file_name(const Stage& stage) {
    std::string name = concat(kind_name(stage.kind), "-", stage.variant.file_name());
    if (!stage.task.empty()) name += concat("-", task_name(stage.task));
    name += concat("-s", stage.seed, "-", stage.key.substr(0, 10));
    if (stage.kind == StageKind::kObserve) name += ".safetensors";
    if (stage.kind == StageKind::kEvaluate) name += ".json";
    return name;
  }

  const StudyConfig& config_;
  DataHashes& hashes_;
  std::string tokenizer_hash_;
  std::vector<Stage> stages_;
  std::map<std::string, std::size_t> index_;
};

/// From a pretrained or pruned model to the task's score.
void add_chain(Builder& builder, const StudyConfig& config, std::size_t model, bool is_pruned, const std::string& task,
               std::int64_t seed) {
  const auto warm_up = [&](WarmupPlace place) {
    if (is_pruned && config.warmup && config.warmup_place == place) {
      model = builder.train_on(StageKind::kWarmup, *config.warmup, model, task, seed);
    }
  };
  warm_up(WarmupPlace::kAfterPruning);
  if (config.prefinetune) {
    const std::string met = is_pruned ? task : "";  // a model that was not pruned has met no task yet
    model = builder.train_on(StageKind::kPrefinetune, *config.prefinetune, model, met, seed);
  }
  warm_up(WarmupPlace::kAfterPrefinetune);
  builder.evaluate(builder.train_on(StageKind::kFinetune, config.finetune, model, task, seed), task);
}

}  // namespace

const char* kind_name(StageKind kind) {
  switch (kind) {
    case StageKind::kPretrain:
      return "pretrain";
    case StageKind::kObserve:
      return "observe";
    case StageKind::kPrune:
      return "prune";
    case StageKind::kWarmup:
      return "warmup";
    case StageKind::kPrefinetune:
      return "prefinetune";
    case StageKind::kFinetune:
      return "finetune";
    case StageKind::kEvaluate:
      return "evaluate";
  }
  fail("unknown kind of stage");
}

bool is_training(StageKind kind) {
  return kind == StageKind::kPretrain || kind == StageKind::kWarmup || kind == StageKind::kPrefinetune ||
         kind == StageKind::kFinetune;
}

std::string Variant::name() const {
  if (pruned_from > 0) return concat(method, " ", pruned_from, " to ", experts);
  if (dense_size) return concat("dense, size ", *dense_size + 1);
  return experts == 0 ? "dense" : concat(experts, "e");
}

std::string Variant::file_name() const {
  if (pruned_from > 0) return concat(pruned_from, "to", experts, "-", method);
  if (dense_size) return concat("dense-size", *dense_size + 1);
  return name();
}

std::string Stage::name() const {
  return concat(kind_name(kind), " ", variant.name(), task.empty() ? "" : " on ", task_name(task), ", seed ", seed);
}

const std::string& DataHashes::of(const train::DataSource& source, const DataPlaces& places) {
  const std::string name = concat(source.path, "\n", source.record_template, "\n", source.split);
  const auto known = known_.find(name);
  if (known != known_.end()) return known->second;
  const text::Source records = text::read_source({source.path, {}}, {.record_template = source.record_template,
                                                                     .tasks_folder = places.tasks_folder,
                                                                     .data_root = places.data_root,
                                                                     .split = source.split});
  return known_.emplace(name, records.content_hash).first->second;
}

std::string task_name(const std::string& task) { return fs::path(task).stem().string(); }

train::DataSource task_rows(const std::string& task) {
  return {.path = task, .kind = train::DataKind::kInstruct, .weight = {}, .record_template = {}, .split = "train"};
}

std::vector<Stage> stages_of(const StudyConfig& config, DataHashes& hashes) {
  Builder builder(config, hashes);
  for (std::int64_t seed = 0; seed < config.pretrain_seeds; ++seed) {
    for (const std::int64_t experts : config.experts) builder.pretrain({.experts = experts}, seed);
  }
  for (std::int64_t seed = 0; seed < config.seeds; ++seed) {
    const auto pretrained = [&](std::int64_t experts) {
      return builder.pretrain({.experts = experts}, seed % config.pretrain_seeds);
    };
    for (const std::string& task : config.tasks) {
      for (const std::int64_t experts : config.experts)
        add_chain(builder, config, pretrained(experts), false, task, seed);
      for (const Reduction& reduction : config.reductions) {
        const std::size_t statistics = builder.observe(pretrained(reduction.from), task);
        for (const std::string& method : config.methods) {
          add_chain(builder, config, builder.prune(statistics, reduction, method, seed), true, task, seed);
        }
      }
    }
  }
  for (std::int64_t seed = 0; seed < config.pretrain_seeds; ++seed) {  // last, since nothing stands on them
    for (std::size_t size = 0; size < config.dense_sizes.size(); ++size) builder.pretrain({.dense_size = size}, seed);
  }
  return builder.take();
}

}  // namespace uncurl::study
