#include "uncurl/train/config.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "uncurl/base/error.h"
#include "uncurl/base/join.h"

namespace uncurl::train {
namespace {

namespace fs = std::filesystem;

template <class Value>
struct Word {
  const char* word;
  Value value;
};

constexpr std::array<Word<DataKind>, 2> kKinds = {
    {{"pretrain", DataKind::kPretrain}, {"instruct", DataKind::kInstruct}}};
constexpr std::array<Word<Decay>, 3> kDecays = {
    {{"constant", Decay::kConstant}, {"linear", Decay::kLinear}, {"cosine", Decay::kCosine}}};

template <class Words>
auto value_of(const Words& words, const JsonObject& json, const std::string& key, const std::string& fallback) {
  const std::string word = json.string(key, fallback);
  const auto found = std::find_if(words.begin(), words.end(), [&](const auto& row) { return row.word == word; });
  check(found != words.end(), json.place(), ": key '", key, "' is '", word, "', expected one of ",
        join_names(words, &std::decay_t<decltype(*words.begin())>::word));
  return found->value;
}

template <class Words, class Value>
const char* word_of(const Words& words, Value value) {
  return std::find_if(words.begin(), words.end(), [&](const auto& row) { return row.value == value; })->word;
}

fs::path placed(const std::string& path, const fs::path& base) {
  return path.empty() || fs::path(path).is_absolute() ? fs::path(path) : (base / path).lexically_normal();
}

/// The name of a task stays what it is, a path starts at `base`.
std::string placed_source(const std::string& path, const fs::path& base) {
  const fs::path as_path = path;
  const bool may_be_a_task = !as_path.has_parent_path() && !as_path.has_extension();
  return may_be_a_task ? path : placed(path, base).string();
}

std::vector<std::string> strings(const JsonObject& json, const char* key, std::vector<std::string> fallback) {
  if (!json.has(key)) return fallback;
  std::vector<std::string> result;
  for (const Json& element : json.array(key)) {
    check(element.is_string(), json.place(), ": key '", key, "' should hold strings, found ", element.dump());
    result.push_back(element.get<std::string>());
  }
  return result;
}

ModelSource read_model(const JsonObject& json, const fs::path& base) {
  json.expect_only({"checkpoint", "config", "tokenizer"});
  ModelSource model;
  model.checkpoint = placed(json.string("checkpoint", ""), base);
  model.tokenizer = placed(json.string("tokenizer", ""), base);
  if (!json.has("config")) return model;
  const Json& config = json.json().at("config");
  check(config.is_object() || config.is_string(), json.place(),
        ": key 'config' should be what config.json will hold, or the path of such a file, found ", config.dump());
  model.config = config.is_string() ? read_json(placed(config.get<std::string>(), base)) : config;
  return model;
}

DataSource read_data_source(const JsonObject& json, const fs::path& base) {
  json.expect_only({"path", "kind", "weight", "template", "split", "skip_bad_rows"});
  DataSource source;
  source.path = placed_source(json.string("path"), base);
  source.kind = value_of(kKinds, json, "kind", "pretrain");
  if (json.has("weight")) source.weight = json.number("weight");
  source.record_template = json.string("template", "");
  source.split = json.string("split", source.split);
  source.skip_bad_rows = json.boolean("skip_bad_rows", source.skip_bad_rows);
  return source;
}

std::vector<DataSource> read_data(const JsonObject& json, const fs::path& base) {
  std::vector<DataSource> sources;
  if (!json.has("data")) return sources;
  for (const Json& element : json.array("data")) {
    sources.push_back(
        read_data_source(JsonObject(element, concat(json.place(), ": data[", sources.size(), "]")), base));
  }
  return sources;
}

BatchSize read_batch(const JsonObject& json, const char* key, BatchSize fallback) {
  if (!json.has(key)) return fallback;
  const JsonObject batch = json.object(key);
  batch.expect_only({"rows", "tokens"});
  return {batch.integer("rows", 0), batch.integer("tokens", 0)};
}

OptimizerConfig read_optimizer(const JsonObject& json) {
  OptimizerConfig config;
  if (!json.has("optimizer")) return config;
  const JsonObject optimizer = json.object("optimizer");
  optimizer.expect_only({"learning_rate", "beta1", "beta2", "epsilon", "weight_decay", "decay_embeddings", "clip"});
  config.learning_rate = optimizer.number("learning_rate", config.learning_rate);
  config.beta1 = optimizer.number("beta1", config.beta1);
  config.beta2 = optimizer.number("beta2", config.beta2);
  config.epsilon = optimizer.number("epsilon", config.epsilon);
  config.weight_decay = optimizer.number("weight_decay", config.weight_decay);
  config.decay_embeddings = optimizer.boolean("decay_embeddings", config.decay_embeddings);
  config.clip = optimizer.number("clip", config.clip);
  return config;
}

ScheduleConfig read_schedule(const JsonObject& json) {
  ScheduleConfig config;
  if (!json.has("schedule")) return config;
  const JsonObject schedule = json.object("schedule");
  schedule.expect_only({"warmup_steps", "decay", "floor"});
  if (schedule.has("warmup_steps")) config.warmup_steps = schedule.integer("warmup_steps");
  config.decay = value_of(kDecays, schedule, "decay", word_of(kDecays, config.decay));
  config.floor = schedule.number("floor", config.floor);
  return config;
}

ValidationConfig read_validation(const JsonObject& json, const fs::path& base) {
  ValidationConfig config;
  if (!json.has("validation")) return config;
  const JsonObject validation = json.object("validation");
  validation.expect_only({"data", "share", "every_steps", "max_tokens"});
  config.data = read_data(validation, base);
  config.share = validation.number("share", config.share);
  config.every_steps = validation.integer("every_steps", config.every_steps);
  config.max_tokens = validation.integer("max_tokens", config.max_tokens);
  check(!config.data.empty() || config.share > 0, validation.place(),
        ": names neither 'data' nor a 'share', so there is nothing to measure");
  return config;
}

SaveConfig read_save(const JsonObject& json) {
  SaveConfig config;
  if (!json.has("save")) return config;
  const JsonObject save = json.object("save");
  save.expect_only({"every_steps", "every_minutes", "dtype"});
  config.every_steps = save.integer("every_steps", config.every_steps);
  config.every_minutes = save.number("every_minutes", config.every_minutes);
  config.dtype = save.string("dtype", config.dtype);
  return config;
}

LoraConfig read_lora(const JsonObject& json) {
  LoraConfig config;
  if (!json.has("lora")) return config;
  const JsonObject lora = json.object("lora");
  lora.expect_only({"rank", "alpha", "targets"});
  config.rank = lora.integer("rank");
  config.alpha = lora.number("alpha", config.alpha);
  config.targets = strings(lora, "targets", config.targets);
  check(config.rank >= 1, lora.place(), ": rank is ", config.rank, ", expected at least 1");
  return config;
}

TeacherConfig read_teacher(const JsonObject& json, const fs::path& base) {
  TeacherConfig config;
  if (!json.has("teacher")) return config;
  const JsonObject teacher = json.object("teacher");
  teacher.expect_only({"checkpoint", "weight", "temperature"});
  config.checkpoint = placed(teacher.string("checkpoint"), base);
  config.weight = teacher.number("weight", config.weight);
  config.temperature = teacher.number("temperature", config.temperature);
  return config;
}

void check_source(const DataSource& source, const std::string& place) {
  check(!source.path.empty(), place, ": path is empty; expected a file or the name of a task");
  check(!source.weight || (std::isfinite(*source.weight) && *source.weight > 0), place, ": weight is ",
        source.weight.value_or(0), ", expected a positive number");
  check(
      source.record_template.empty() || source.kind == DataKind::kPretrain, place,
      ": a template makes one text of a record, and kind 'instruct' has to know where the completion begins; give the "
      "records the fields 'prompt' and 'completion', or write a task file");
}

void check_data(const TrainConfig& config) {
  check(!config.data.empty(), "data: no source to train on");
  std::size_t num_weighted = 0;
  for (std::size_t s = 0; s < config.data.size(); ++s) {
    check_source(config.data[s], concat("data[", s, "]"));
    num_weighted += config.data[s].weight.has_value() ? 1 : 0;
  }
  check(num_weighted == 0 || num_weighted == config.data.size(), "data: ", config.data.size() - num_weighted,
        " sources have no weight beside others that have one; weigh all of "
        "them or none");
  const ValidationConfig& validation = config.validation;
  for (std::size_t s = 0; s < validation.data.size(); ++s) {
    const std::string place = concat("validation.data[", s, "]");
    check_source(validation.data[s], place);
    check(!validation.data[s].weight, place, ": a weight has no effect on what is measured; each source is reported");
  }
  check(validation.data.empty() || validation.share == 0,
        "validation: 'data' and 'share' are two ways to choose what is measured; keep one");
  check(validation.share >= 0 && validation.share < 1, "validation.share is ", validation.share,
        ", expected 0 <= share < 1");
  check(validation.every_steps >= 0, "validation.every_steps is ", validation.every_steps, ", expected 0 or more");
  check(validation.max_tokens >= 1, "validation.max_tokens is ", validation.max_tokens, ", expected at least 1");
}

void check_batch(const BatchSize& batch, const char* name) {
  check(batch.rows >= 0 && batch.tokens >= 0 && (batch.rows > 0) != (batch.tokens > 0), name,
        ": expected {\"rows\": N} or {\"tokens\": N} with a positive N, found rows ", batch.rows, " and tokens ",
        batch.tokens);
}

void check_amounts(const TrainConfig& config) {
  const Budget& budget = config.budget;
  const int given = (budget.steps != 0 ? 1 : 0) + (budget.tokens != 0 ? 1 : 0) + (budget.epochs != 0 ? 1 : 0);
  check(given == 1, "exactly one of 'steps', 'tokens' and 'epochs' says how long to train; found ", given);
  check(budget.steps >= 0 && budget.tokens >= 0 && budget.epochs >= 0 && std::isfinite(budget.epochs),
        "'steps', 'tokens' or 'epochs' is negative");
  check(config.sequence_length >= 2, "sequence_length is ", config.sequence_length, ", expected at least 2");
  check_batch(config.batch, "batch");
  if (config.micro_batch.rows != 0 || config.micro_batch.tokens != 0) check_batch(config.micro_batch, "micro_batch");
}

void check_optimizer(const TrainConfig& config) {
  const OptimizerConfig& optimizer = config.optimizer;
  const auto within = [](double value, double low, double high, const char* name) {
    check(std::isfinite(value) && value >= low && value <= high, name, " is ", value, ", expected ", low, " to ", high);
  };
  within(optimizer.learning_rate, 0, 10, "optimizer.learning_rate");
  check(optimizer.learning_rate > 0, "optimizer.learning_rate is 0: nothing would change");
  within(optimizer.beta1, 0, 0.999999, "optimizer.beta1");
  within(optimizer.beta2, 0, 0.999999, "optimizer.beta2");
  within(optimizer.epsilon, 0, 1, "optimizer.epsilon");
  within(optimizer.weight_decay, 0, 10, "optimizer.weight_decay");
  within(optimizer.clip, 0, 1e9, "optimizer.clip");
  within(config.schedule.floor, 0, 1, "schedule.floor");
  check(config.schedule.warmup_steps.value_or(0) >= 0, "schedule.warmup_steps is negative, expected 0 or more");
  check(config.schedule.decay != Decay::kConstant || config.schedule.floor == 0,
        "schedule.floor has no effect with decay 'constant'");
  within(config.aux_coefficient, 0, 10, "aux_coefficient");
}

void check_healing(const TrainConfig& config) {
  const LoraConfig& lora = config.lora;
  check(lora.rank >= 0, "lora.rank is ", lora.rank, ", expected at least 1");
  check(lora.rank == 0 || !lora.targets.empty(), "lora.targets is empty; name tensors, or attention and routers");
  check(lora.alpha > 0 && std::isfinite(lora.alpha), "lora.alpha is ", lora.alpha, ", expected a positive number");
  const TeacherConfig& teacher = config.teacher;
  check(teacher.weight > 0 && teacher.weight <= 1, "teacher.weight is ", teacher.weight,
        ", expected more than 0 and at most 1 (leave the teacher out for 0)");
  check(teacher.temperature > 0 && std::isfinite(teacher.temperature), "teacher.temperature is ", teacher.temperature,
        ", expected a positive number");
  check(!config.train.empty(), "train: an empty list trains nothing; leave the key out to train everything");
}

Json batch_json(const BatchSize& batch) {
  return batch.rows > 0 ? Json{{"rows", batch.rows}} : Json{{"tokens", batch.tokens}};
}

Json data_json(const std::vector<DataSource>& sources) {
  Json list = Json::array();
  for (const DataSource& source : sources) {
    Json json = {{"path", source.path}, {"kind", word_of(kKinds, source.kind)}};
    if (source.weight) json["weight"] = *source.weight;
    if (!source.record_template.empty()) json["template"] = source.record_template;
    json["split"] = source.split;
    if (source.skip_bad_rows) json["skip_bad_rows"] = true;
    list.push_back(std::move(json));
  }
  return list;
}

Json model_json(const ModelSource& model) {
  if (!model.checkpoint.empty()) return {{"checkpoint", model.checkpoint.string()}};
  return {{"config", model.config}, {"tokenizer", model.tokenizer.string()}};
}

}  // namespace

void check_config(const TrainConfig& config) {
  const ModelSource& model = config.model;
  check(
      model.checkpoint.empty() != model.config.is_null(),
      "model: expected {\"checkpoint\": FOLDER}, or {\"config\": {...}, \"tokenizer\": FOLDER} to train from scratch");
  check(model.checkpoint.empty() != model.tokenizer.empty(),
        "model: 'tokenizer' is needed with 'config', and has no effect with 'checkpoint', which has its own");
  check_data(config);
  check_amounts(config);
  check_optimizer(config);
  check_healing(config);
  check(config.dtype == "f32" || config.dtype == "bf16", "dtype is '", config.dtype, "', expected f32 or bf16");
  const std::string& stored = config.save.dtype;
  check(stored == "stored" || stored == "f32" || stored == "bf16", "save.dtype is '", stored,
        "', expected stored, f32 or bf16");
  check(config.save.every_steps >= 0 && config.save.every_minutes >= 0,
        "save.every_steps or save.every_minutes is negative");
  check(config.save.every_steps > 0 || config.save.every_minutes > 0,
        "save: with every_steps and every_minutes both 0 a killed run would lose everything");
}

TrainConfig read_train_config(const Json& json, const std::string& place, const fs::path& base) {
  const JsonObject file(json, place);
  file.expect_only({"model", "output",      "data",       "steps",    "tokens", "epochs",    "sequence_length",
                    "batch", "micro_batch", "optimizer",  "schedule", "dtype",  "recompute", "aux_coefficient",
                    "train", "freeze",      "validation", "save",     "lora",   "teacher",   "seed",
                    "device"});
  TrainConfig config;
  config.model = read_model(file.object("model"), base);
  config.output = placed(file.string("output", ""), base);
  config.data = read_data(file, base);
  config.budget = {file.integer("steps", 0), file.integer("tokens", 0), file.number("epochs", 0)};
  config.sequence_length = file.integer("sequence_length", config.sequence_length);
  config.batch = read_batch(file, "batch", config.batch);
  config.micro_batch = read_batch(file, "micro_batch", config.micro_batch);
  config.optimizer = read_optimizer(file);
  config.schedule = read_schedule(file);
  config.dtype = file.string("dtype", config.dtype);
  config.device = file.string("device", config.device);
  config.recompute = file.boolean("recompute", config.recompute);
  config.aux_coefficient = file.number("aux_coefficient", config.aux_coefficient);
  config.train = strings(file, "train", config.train);
  config.freeze = strings(file, "freeze", config.freeze);
  config.validation = read_validation(file, base);
  config.save = read_save(file);
  config.lora = read_lora(file);
  config.teacher = read_teacher(file, base);
  if (file.has("seed")) config.seed = file.unsigned_integer("seed");
  with_context(place, [&] { check_config(config); });
  return config;
}

TrainConfig read_train_config(const fs::path& file) {
  return read_train_config(read_json(file), file.string(), file.parent_path());
}

Json to_json(const TrainConfig& config) {
  Json json = {{"model", model_json(config.model)}};
  if (!config.output.empty()) json["output"] = config.output.string();
  json["data"] = data_json(config.data);
  if (config.budget.steps != 0) json["steps"] = config.budget.steps;
  if (config.budget.tokens != 0) json["tokens"] = config.budget.tokens;
  if (config.budget.epochs != 0) json["epochs"] = config.budget.epochs;
  json["sequence_length"] = config.sequence_length;
  json["batch"] = batch_json(config.batch);
  if (config.micro_batch.rows != 0 || config.micro_batch.tokens != 0)
    json["micro_batch"] = batch_json(config.micro_batch);
  const OptimizerConfig& optimizer = config.optimizer;
  json["optimizer"] = {{"learning_rate", optimizer.learning_rate},
                       {"beta1", optimizer.beta1},
                       {"beta2", optimizer.beta2},
                       {"epsilon", optimizer.epsilon},
                       {"weight_decay", optimizer.weight_decay},
                       {"decay_embeddings", optimizer.decay_embeddings},
                       {"clip", optimizer.clip}};
  json["schedule"] = {{"decay", word_of(kDecays, config.schedule.decay)}, {"floor", config.schedule.floor}};
  if (config.schedule.warmup_steps) json["schedule"]["warmup_steps"] = *config.schedule.warmup_steps;
  json["dtype"] = config.dtype;
  json["device"] = config.device;
  json["recompute"] = config.recompute;
  json["aux_coefficient"] = config.aux_coefficient;
  json["train"] = config.train;
  json["freeze"] = config.freeze;
  const ValidationConfig& validation = config.validation;
  if (!validation.data.empty() || validation.share > 0) {
    json["validation"] = {{"data", data_json(validation.data)},
                          {"share", validation.share},
                          {"every_steps", validation.every_steps},
                          {"max_tokens", validation.max_tokens}};
  }
  json["save"] = {{"every_steps", config.save.every_steps},
                  {"every_minutes", config.save.every_minutes},
                  {"dtype", config.save.dtype}};
  if (config.lora.rank > 0)
    json["lora"] = {{"rank", config.lora.rank}, {"alpha", config.lora.alpha}, {"targets", config.lora.targets}};
  if (!config.teacher.checkpoint.empty())
    json["teacher"] = {{"checkpoint", config.teacher.checkpoint.string()},
                       {"weight", config.teacher.weight},
                       {"temperature", config.teacher.temperature}};
  json["seed"] = config.seed;
  return json;
}

}  // namespace uncurl::train
