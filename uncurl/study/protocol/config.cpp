#include "uncurl/study/protocol/config.h"

#include <algorithm>

#include "uncurl/base/error.h"
#include "uncurl/prune/methods/table.h"
#include "uncurl/text/source.h"
#include "uncurl/text/task.h"

namespace uncurl::study {
namespace {

namespace fs = std::filesystem;

std::vector<std::int64_t> integers(const JsonObject& file, const char* key, std::int64_t least) {
  std::vector<std::int64_t> numbers;
  for (const Json& element : file.array(key)) {
    check(element.is_number_integer() && element.get<std::int64_t>() >= least, file.place(), ": key '", key,
          "' should hold whole numbers from ", least, " on, found ", element.dump());
    numbers.push_back(element.get<std::int64_t>());
  }
  return numbers;
}

std::vector<std::string> strings(const JsonObject& file, const char* key) {
  std::vector<std::string> texts;
  for (const Json& element : file.array(key)) {
    check(element.is_string(), file.place(), ": key '", key, "' should hold strings, found ", element.dump());
    texts.push_back(element.get<std::string>());
  }
  return texts;
}

template <class Value>
void expect_once(const std::vector<Value>& values, const std::string& place, const char* key) {
  for (auto it = values.begin(); it != values.end(); ++it) {
    check(std::find(it + 1, values.end(), *it) == values.end(), place, ": key '", key, "' names ", *it, " twice");
  }
}

/// A training run of the file, with what is filled in later set to anything that passes the checks.
train::TrainConfig read_part(const JsonObject& file, const char* key, const fs::path& base, const Json& model,
                             const DataPlaces& places, const std::string& device) {
  const JsonObject part = file.object(key);
  const bool finetunes = std::string(key) == "finetune";
  for (const char* const taken : {"model", "output", "seed", "teacher", "lora"}) {
    check(!part.has(taken), part.place(), ": key '", taken, "' is not for a stage of a study");
  }
  check(finetunes != part.has("data"), part.place(),
        finetunes ? ": key 'data' has no effect: it is the task's" : ": key 'data' is missing");
  Json json = part.json();
  json["model"] = model;
  if (finetunes) json["data"] = Json::array({{{"path", "task"}, {"kind", "instruct"}}});
  train::TrainConfig config = train::read_train_config(json, part.place(), base);
  config.tasks_folder = places.tasks_folder;
  config.data_root = places.data_root;
  if (!device.empty()) config.device = device;
  return config;
}

std::vector<Reduction> read_reductions(const JsonObject& file, const std::vector<std::int64_t>& experts) {
  std::vector<Reduction> reductions;
  for (const Json& element : file.array("reductions")) {
    const JsonObject object(element, concat(file.place(), ": reductions[", reductions.size(), "]"));
    object.expect_only({"from", "to"});
    const std::int64_t from = object.integer("from");
    check(std::find(experts.begin(), experts.end(), from) != experts.end(), object.place(), ": from is ", from,
          ", but 'experts' has no model of so many");
    for (const std::int64_t to : integers(object, "to", 1)) {
      check(to < from, object.place(), ": to is ", to, ", expected fewer than ", from);
      reductions.push_back({from, to});
    }
  }
  return reductions;
}

WarmupPlace read_warmup_place(const JsonObject& file) {
  const std::string place = file.string("warmup_place", "after-pruning");
  check(place == "after-pruning" || place == "after-prefinetune", file.place(), ": key 'warmup_place' is '", place,
        "', expected after-pruning or after-prefinetune");
  return place == "after-pruning" ? WarmupPlace::kAfterPruning : WarmupPlace::kAfterPrefinetune;
}

void check_task(const std::string& name, const std::string& place, const DataPlaces& places) {
  const std::optional<fs::path> file = text::task_file_of(name, places.tasks_folder);
  check(file.has_value(), place, ": tasks: ", name, " is plain text; a study needs task files with choices");
  const text::Task task = text::read_task(*file);
  for (const char* const split : {"train", "validation"}) {
    check(task.rows.contains(split), place, ": tasks: ", name, " has no split '", split,
          "'; a study finetunes on one and evaluates on the other");
  }
}

void check_study(const StudyConfig& config, const JsonObject& file) {
  const std::string& place = file.place();
  check(!config.experts.empty(), place, ": key 'experts' is empty; name the models to train, 0 for the dense one");
  check(std::is_sorted(config.experts.begin(), config.experts.end()), place, ": key 'experts' should ascend");
  expect_once(config.experts, place, "experts");
  expect_once(config.methods, place, "methods");
  expect_once(config.tasks, place, "tasks");
  for (const std::string& method : config.methods) prune::find_method(method);
  check(config.reductions.empty() == config.methods.empty(), place,
        ": 'reductions' and 'methods' have no effect without each other");
  constexpr std::int64_t kMaxSeeds = 1000;  // each makes stages, which are laid out before the first is run
  check(config.pretrain_seeds >= 1 && config.seeds >= config.pretrain_seeds && config.seeds <= kMaxSeeds, place,
        ": seeds is ", config.seeds, " and pretrain_seeds ", config.pretrain_seeds,
        ", expected 1 <= pretrain_seeds <= seeds <= ", kMaxSeeds);
  check(config.detect > 0 && config.detect < 1, place, ": detect is ", config.detect, ", expected a share of the rows");
  check(config.warmup_place == WarmupPlace::kAfterPruning || (config.warmup && config.prefinetune), place,
        ": warmup_place 'after-prefinetune' has no effect without 'warmup' and 'prefinetune'");
}

}  // namespace

StudyConfig read_study_config(const fs::path& path, const DataPlaces& places, const std::string& device) {
  const Json json = read_json(path);
  const JsonObject file(json, path.string());
  const fs::path base = path.parent_path();
  file.expect_only({"name", "output", "model", "tokenizer", "top_k", "experts", "dense_sizes", "reductions", "methods",
                    "tasks", "pretrain_seeds", "seeds", "detect", "observe_tokens", "pretrain", "warmup",
                    "warmup_place", "prefinetune", "finetune"});
  StudyConfig config;
  config.name = file.string("name", path.stem().string());
  config.output = (base / file.string("output")).lexically_normal();
  config.model = file.object("model").json();
  config.top_k = file.integer("top_k", config.top_k);
  config.experts = integers(file, "experts", 0);
  if (file.has("dense_sizes")) {
    for (const Json& changes : file.array("dense_sizes")) {
      config.dense_sizes.push_back(JsonObject(changes, file.place() + ": dense_sizes").json());
    }
  }
  if (file.has("reductions")) config.reductions = read_reductions(file, config.experts);
  if (file.has("methods")) config.methods = strings(file, "methods");
  for (const std::string& task : strings(file, "tasks")) {
    const bool is_file = fs::path(task).has_parent_path() || fs::path(task).has_extension();
    config.tasks.push_back(is_file ? (base / task).lexically_normal().string() : task);
  }
  config.pretrain_seeds = file.integer("pretrain_seeds", config.pretrain_seeds);
  config.seeds = file.integer("seeds", config.seeds);
  config.detect = file.number("detect", config.detect);
  config.observe_tokens = file.integer("observe_tokens", config.observe_tokens);
  config.warmup_place = read_warmup_place(file);

  const Json scratch = {{"config", config.model}, {"tokenizer", file.string("tokenizer")}};
  const Json earlier = {{"checkpoint", "of an earlier stage"}};
  config.pretrain = read_part(file, "pretrain", base, scratch, places, device);
  config.finetune = read_part(file, "finetune", base, earlier, places, device);
  if (file.has("warmup")) config.warmup = read_part(file, "warmup", base, earlier, places, device);
  if (file.has("prefinetune")) config.prefinetune = read_part(file, "prefinetune", base, earlier, places, device);
  check_study(config, file);
  for (const std::string& task : config.tasks) check_task(task, file.place(), places);
  return config;
}

Json model_config(const StudyConfig& config, const Json& changes, std::int64_t experts) {
  Json json = config.model;
  json["num_experts"] = experts;
  if (experts > 0) json["num_experts_per_tok"] = config.top_k;
  if (!changes.is_null()) json.update(changes);
  return json;
}

}  // namespace uncurl::study
