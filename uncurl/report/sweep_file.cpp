#include "uncurl/report/sweep_file.h"

#include <algorithm>
#include <charconv>

#include "uncurl/base/error.h"
#include "uncurl/report/fields.h"
#include "uncurl/report/measured.h"

namespace uncurl::report {
namespace {

TaskFacts read_task(const JsonObject& object) {
  return {.name = object.string("name"),
          .observed_tokens = optional_integer(object, "observed_tokens"),
          .held_out_tokens = optional_integer(object, "held_out_tokens"),
          .weight = optional_number(object, "weight")};
}

Point read_point(const JsonObject& object) {
  return {.method = object.string("method"),
          .router = object.string("router", ""),
          .experts = object.integer("experts"),
          .mixed = object.boolean("mixed", false),
          .parameters = optional_integer(object, "parameters"),
          .bytes = optional_integer(object, "bytes"),
          .predicted_speed = optional_number(object, "predicted_speed"),
          .predicted_error = optional_number(object, "predicted_error"),
          .kl_beyond_least = optional_estimate(object, "kl_beyond_least"),
          .seconds = optional_number(object, "seconds"),
          .results = read_results(object)};
}

Threshold read_threshold(const JsonObject& object) {
  Threshold threshold{.tolerance = object.number("tolerance"), .measure = object.string("measure", "loss")};
  for (const JsonObject& method : objects(object, "methods")) {
    threshold.methods.push_back({.method = method.string("method"),
                                 .experts = optional_integer(method, "experts"),
                                 .low = optional_integer(method, "low"),
                                 .high = optional_integer(method, "high")});
  }
  return threshold;
}

/// The number of experts that a key of "error" and "groups" names.
std::int64_t count_of(const std::string& key, const std::string& place) {
  std::int64_t count = 0;
  const char* const end = key.data() + key.size();
  const auto [stop, error] = std::from_chars(key.data(), end, count);
  check(error == std::errc() && stop == end, place, ": expected a number of experts as key, found '", key, "'");
  return count;
}

/// {"<method>": {"<G>": value}}, counts descending.
template <class Value>
ByMethod<ByCount<Value>> by_method(const JsonObject& object, const std::string& key,
                                   Value (*read)(const Json&, const std::string&)) {
  ByMethod<ByCount<Value>> result;
  if (!object.has(key)) return result;
  const JsonObject methods = object.object(key);
  for (const auto& [method, unused] : methods.json().items()) {
    const JsonObject counts = methods.object(method);
    ByCount<Value> values;
    for (const auto& [count, value] : counts.json().items()) {
      values.emplace_back(count_of(count, counts.place()), read(value, counts.place() + ": '" + count + "'"));
    }
    std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    result.emplace_back(method, std::move(values));
  }
  return result;
}

double read_error(const Json& json, const std::string& place) {
  check(json.is_number(), place, ": expected a number, found ", json.dump());
  return json.get<double>();
}

Groups read_groups(const Json& json, const std::string& place) {
  check(json.is_array(), place, ": expected an array of groups, found ", json.type_name());
  Groups groups;
  for (const Json& members : json) groups.push_back(integers(members, concat(place, "[", groups.size(), "]")));
  return groups;
}

void check_members(const LayerFacts& layer, const std::string& place) {
  const auto num_experts = static_cast<std::int64_t>(layer.affinity.size());
  if (num_experts == 0) return;
  for (const auto& [method, counts] : layer.groups) {
    for (const auto& [count, groups] : counts) {
      for (const auto& members : groups) {
        for (const std::int64_t expert : members) {
          check(0 <= expert && expert < num_experts, place, ": 'groups' of ", method, " at ", count, " names expert ",
                expert, ", but 'affinity' has ", num_experts);
        }
      }
    }
  }
}

LayerFacts read_layer(const JsonObject& object, std::size_t num_tasks) {
  LayerFacts layer{.layer = object.integer("layer"),
                   .usage = matrix(object, "usage"),
                   .affinity = matrix(object, "affinity"),
                   .error = by_method<double>(object, "error", read_error),
                   .groups = by_method<Groups>(object, "groups", read_groups)};
  check(layer.usage.empty() || layer.usage.size() == num_tasks, object.place(), ": 'usage' has ", layer.usage.size(),
        " rows for ", num_tasks, " tasks");
  check(layer.affinity.empty() || layer.affinity.size() == layer.affinity.front().size(), object.place(),
        ": 'affinity' should be square, found ", layer.affinity.size(), " rows of ",
        layer.affinity.empty() ? 0 : layer.affinity.front().size());
  check_members(layer, object.place());
  return layer;
}

CrossTask read_cross_task(const JsonObject& object) {
  CrossTask cross{.method = object.string("method"),
                  .experts = object.integer("experts"),
                  .tasks = strings(object.array("tasks"), object.place() + ": 'tasks'"),
                  .overlap = matrix(object, "overlap")};
  const std::string place = object.place() + ": 'kl'";
  for (const Json& row : object.array("kl")) {
    const std::string row_place = concat(place, "[", cross.kl.size(), "]");
    check(row.is_array() && row.size() == cross.tasks.size(), row_place, ": expected one estimate for each of ",
          cross.tasks.size(), " tasks");
    std::vector<Estimate>& estimates = cross.kl.emplace_back();
    for (const Json& cell : row) {
      estimates.push_back(estimate_of(JsonObject(cell, concat(row_place, "[", estimates.size(), "]"))));
    }
  }
  check(cross.kl.size() == cross.tasks.size(), place, ": expected ", cross.tasks.size(), " rows, found ",
        cross.kl.size());
  check(cross.overlap.empty() ||
            (cross.overlap.size() == cross.tasks.size() && cross.overlap.front().size() == cross.tasks.size()),
        object.place(), ": 'overlap' should have a row and a column for each of ", cross.tasks.size(), " tasks");
  return cross;
}

RankCorrelation read_correlation(const JsonObject& object) {
  return {estimate_of(object.object("spearman")), object.integer("pairs", 0)};
}

/// Nothing where there were too few points to correlate.
std::optional<Prediction> read_prediction(const JsonObject& object) {
  if (!object.has("spearman")) return std::nullopt;
  Prediction prediction{.all = read_correlation(object)};
  for (const JsonObject& entry : objects(object, "by_count")) {
    if (entry.has("spearman")) prediction.by_count.emplace_back(entry.integer("experts"), read_correlation(entry));
  }
  return prediction;
}

std::vector<std::size_t> read_pareto(const JsonObject& file, std::size_t num_points) {
  std::vector<std::size_t> result;
  if (!file.has("pareto")) return result;
  const std::string place = file.place() + ": 'pareto'";
  for (const std::int64_t index : integers(file.array("pareto"), place)) {
    check(0 <= index && static_cast<std::size_t>(index) < num_points, place, ": names point ", index, " of ",
          num_points);
    result.push_back(static_cast<std::size_t>(index));
  }
  return result;
}

}  // namespace

Study read_sweep(const JsonObject& file) {
  check(file.integer("version") == 1, file.place(), ": this program reads version 1 of sweep.json, found version ",
        file.integer("version"), "; use the program that wrote it, or sweep again");
  Study study{.place = file.place(),
              .version = file.string("uncurl", ""),
              .command = file.string("command", ""),
              .model = read_model(file.object("model"))};
  for (const JsonObject& task : objects(file, "tasks")) study.tasks.push_back(read_task(task));
  if (file.has("original")) study.original = read_results(file.object("original"));
  for (const JsonObject& point : objects(file, "points")) study.points.push_back(read_point(point));
  if (file.has("threshold")) study.threshold = read_threshold(file.object("threshold"));
  study.pareto = read_pareto(file, study.points.size());
  if (file.has("prediction")) study.prediction = read_prediction(file.object("prediction"));
  for (const JsonObject& layer : objects(file, "layers")) {
    study.layers.push_back(read_layer(layer, study.tasks.size()));
  }
  if (file.has("cross_task")) study.cross_task = read_cross_task(file.object("cross_task"));
  study.timings = read_timings(file);
  return study;
}

}  // namespace uncurl::report
