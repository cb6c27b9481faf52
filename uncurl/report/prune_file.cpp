#include "uncurl/report/prune_file.h"

#include <algorithm>
#include <cmath>

#include "uncurl/base/error.h"
#include "uncurl/report/fields.h"

namespace uncurl::report {
namespace {

namespace fs = std::filesystem;

/// A source is named by its path; its file name is what a reader knows it by.
std::string task_name(const std::string& source) {
  const fs::path path(source);
  return path.has_stem() ? path.stem().string() : source;
}

/// Perplexity is the exponential of the loss, at the ends of the interval as well.
Estimate loss_of(const Estimate& perplexity) {
  Estimate loss{.value = std::log(perplexity.value)};
  if (!perplexity.has_interval() || perplexity.low <= 0) return loss;
  loss.low = std::log(perplexity.low);
  loss.high = std::log(perplexity.high);
  return loss;
}

Estimate perplexity_of(const JsonObject& entry, const std::string& model) {
  const JsonObject object = entry.object(model).object("perplexity");
  const Estimate perplexity = estimate_of(object);
  check(perplexity.value > 0, object.place(), ": a perplexity is above 0, found ", perplexity.value);
  return perplexity;
}

TaskResult read_measured(const JsonObject& entry, const std::string& model) {
  const Estimate perplexity = perplexity_of(entry, model);
  return {.task = task_name(entry.string("source")),
          .num_tokens = optional_integer(entry, "tokens"),
          .loss = loss_of(perplexity),
          .perplexity = perplexity};
}

TaskResult read_pruned(const JsonObject& entry) {
  TaskResult result = read_measured(entry, "pruned");
  result.kl = optional_estimate(entry, "kl");
  result.agreement = optional_estimate(entry, "top1_agreement");
  return result;
}

std::vector<std::int64_t> read_group(const Json& group, const std::string& place) {
  if (group.is_number_integer()) return {group.get<std::int64_t>()};
  const JsonObject object(group, place);
  return integers(object.array("members"), place + ": 'members'");
}

std::vector<LayerFacts> read_plan_groups(const fs::path& path, const Point& point) {
  const Json json = read_json(path);
  const JsonObject plan(json, path.string());
  std::vector<LayerFacts> layers;
  for (const JsonObject& entry : objects(plan, "layers")) {
    Groups groups;
    for (const Json& group : entry.array("groups")) {
      groups.push_back(read_group(group, concat(entry.place(), ": 'groups'[", groups.size(), "]")));
    }
    const bool merges = std::any_of(groups.begin(), groups.end(), [](const auto& g) { return g.size() > 1; });
    if (merges) {
      layers.push_back({.layer = entry.integer("layer"), .groups = {{point.method, {{point.experts, groups}}}}});
    }
  }
  return layers;
}

/// The numbers of the layers that hold experts; a dense layer is 0.
Point read_point(const JsonObject& file) {
  Point point{.method = file.string("method")};
  if (point.method.empty()) point.method = "edited plan";
  std::int64_t least = 0;
  for (const std::int64_t count : integers(file.object("experts").array("after"), file.place() + ": 'experts'")) {
    if (count == 0) continue;
    point.experts = std::max(point.experts, count);
    least = least == 0 ? count : std::min(least, count);
  }
  point.mixed = least != point.experts;
  const JsonObject pruned = file.object("pruned");
  point.parameters = optional_integer(pruned, "parameters");
  point.bytes = optional_integer(pruned, "bytes");
  return point;
}

double total_seconds(const JsonObject& file) {
  double seconds = 0;
  if (!file.has("seconds")) return seconds;
  const JsonObject object = file.object("seconds");
  for (const auto& [stage, value] : object.json().items()) seconds += object.number(stage);
  return seconds;
}

bool same_original(const Study& a, const Study& b) {
  if (a.model.parameters != b.model.parameters || a.model.num_experts != b.model.num_experts) return false;
  return std::equal(a.original.begin(), a.original.end(), b.original.begin(), b.original.end(),
                    [](const TaskResult& x, const TaskResult& y) {
                      return x.task == y.task && x.num_tokens == y.num_tokens &&
                             x.perplexity->value == y.perplexity->value;
                    });
}

void absorb_groups(std::vector<LayerFacts>& layers, const LayerFacts& other) {
  const auto place =
      std::find_if(layers.begin(), layers.end(), [&](const LayerFacts& layer) { return layer.layer == other.layer; });
  if (place == layers.end()) {
    layers.push_back(other);
    return;
  }
  for (const auto& [method, counts] : other.groups) {
    const auto known = std::find_if(place->groups.begin(), place->groups.end(),
                                    [&, &name = method](const auto& entry) { return entry.first == name; });
    if (known == place->groups.end()) {
      place->groups.emplace_back(method, counts);
    } else {
      known->second.insert(known->second.end(), counts.begin(), counts.end());
    }
  }
}

}  // namespace

Study read_prune(const JsonObject& file, const fs::path& folder) {
  check(file.integer("version") == 1, file.place(), ": this program reads version 1 of result.json, found version ",
        file.integer("version"));
  Study study{.place = file.place(), .version = file.string("uncurl", "")};
  const JsonObject original = file.object("original");
  study.model = {.num_experts = file.object("experts").integer("before"),
                 .parameters = optional_integer(original, "parameters"),
                 .bytes = optional_integer(original, "bytes")};
  Point point = read_point(file);
  point.seconds = total_seconds(file);
  for (const JsonObject& entry : objects(file, "held_out")) {
    study.original.push_back(read_measured(entry, "original"));
    point.results.push_back(read_pruned(entry));
    if (point.results.back().task != "all") {
      study.tasks.push_back({.name = point.results.back().task, .held_out_tokens = optional_integer(entry, "tokens")});
    }
  }
  const fs::path plan = folder / "plan.json";
  if (fs::exists(plan)) study.layers = read_plan_groups(plan, point);
  study.points.push_back(std::move(point));
  return study;
}

bool absorb(Study& study, const Study& other) {
  if (!same_original(study, other)) return false;
  study.place += ", " + other.place;
  study.points.insert(study.points.end(), other.points.begin(), other.points.end());
  for (const LayerFacts& layer : other.layers) absorb_groups(study.layers, layer);
  return true;
}

}  // namespace uncurl::report
