// plan.json: readable, editable, one group a line. A kept expert is a number, a merged group an object.
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"
#include "uncurl/base/join.h"
#include "uncurl/prune/plan.h"

namespace uncurl::prune {
namespace {

constexpr int kVersion = 1;

Json group_json(const ExpertGroup& group) {
  if (group.is_single() && group.scale == 1.0) return group.anchor;
  Json json = {{"members", group.members}};
  if (!group.is_single()) {
    json["anchor"] = group.anchor;
    json["weights"] = group.weights;
  }
  if (group.scale != 1.0) json["scale"] = group.scale;
  return json;
}

/// A number that does not fit into an int is refused here: cut to size it could name another expert.
int read_expert(const Json& json, const std::string& place) {
  const auto fits = [&] { return std::in_range<int>(json.get<std::int64_t>()); };
  check(json.is_number_integer() && fits(), place, ": found ", json.dump(), ", expected the number of an expert");
  return json.get<int>();
}

std::vector<int> read_experts(const Json& array, const std::string& place) {
  std::vector<int> experts;
  for (const Json& entry : array) experts.push_back(read_expert(entry, place));
  return experts;
}

std::vector<double> read_weights(const Json& array, const std::string& place) {
  std::vector<double> weights;
  for (const Json& entry : array) {
    check(entry.is_number(), place, ": found ", entry.dump(), ", expected a weight");
    weights.push_back(entry.get<double>());
  }
  return weights;
}

ExpertGroup read_group(const Json& json, const std::string& place) {
  if (json.is_number_integer()) return single_group(read_expert(json, place));
  const JsonObject object(json, place);
  object.expect_only({"members", "anchor", "weights", "scale"});
  ExpertGroup group{.members = read_experts(object.array("members"), place)};
  check(!group.members.empty(), place, ": has no members");
  const bool single = group.is_single();
  if (!single) object.integer("anchor");  // only a group of one may leave it out
  group.anchor = object.has("anchor") ? read_expert(object.json()["anchor"], place) : group.members[0];
  group.weights =
      single && !object.has("weights") ? std::vector<double>{1.0} : read_weights(object.array("weights"), place);
  group.scale = object.number("scale", 1.0);
  return group;
}

LayerPlan read_layer_plan(const Json& json, const std::string& place) {
  const JsonObject object(json, place);
  object.expect_only({"layer", "method", "router", "merge", "match", "groups"});
  LayerPlan layer{
      .layer = object.integer("layer"), .method = object.string("method"), .router = object.string("router")};
  layer.merge = object.string("merge", layer.merge);
  layer.match = object.string("match", layer.match);
  for (const Json& group : object.array("groups")) {
    layer.groups.push_back(read_group(group, concat(place, ", group ", layer.groups.size())));
  }
  return layer;
}

/// The layers are laid out by hand, one group a line; everything else is short enough for the JSON library's way.
std::string layer_text(const LayerPlan& layer) {
  std::string text = concat("    {\"layer\": ", layer.layer, ", \"method\": ", Json(layer.method).dump(),
                            ", \"router\": ", Json(layer.router).dump());
  if (layer.merge != kMergeAverage) text += concat(", \"merge\": ", Json(layer.merge).dump());
  if (layer.match != kMatchWeights) text += concat(", \"match\": ", Json(layer.match).dump());
  text += ", \"groups\": [";
  bool after_number = false;
  for (std::size_t g = 0; g < layer.groups.size(); ++g) {
    const Json group = group_json(layer.groups[g]);
    if (g > 0) text += ",";
    text += after_number && group.is_number() ? " " : "\n      ";
    text += group.dump();
    after_number = group.is_number();
  }
  return text + "]}";
}

}  // namespace

void write_plan(const std::filesystem::path& path, const Plan& plan) {
  const Json head = {{"version", kVersion},
                     {"model", {{"type", plan.model_type}, {"fingerprint", plan.model_fingerprint}}},
                     {"stats", {{"path", plan.stats_path}, {"hash", plan.stats_hash}}},
                     {"options", plan.options},
                     {"align", {{"permute", plan.align.permute}, {"rescale", plan.align.rescale}}},
                     {"ridge", plan.ridge},
                     {"seed", plan.seed},
                     {"allow_mixed_counts", plan.allow_mixed_counts}};
  std::string text = json_text(head, 2);
  text.resize(text.size() - 2);  // the closing "\n}"
  text += ",\n  \"layers\": [\n";
  std::vector<std::string> layers;
  for (const LayerPlan& layer : plan.layers) layers.push_back(layer_text(layer));
  write_text(path, text + join(layers, ",\n") + "\n  ]\n}\n");
}

Plan read_plan(const std::filesystem::path& path) {
  const Json json = read_json(path);
  const JsonObject object(json, path.string());
  object.expect_only(
      {"version", "model", "stats", "options", "align", "ridge", "seed", "allow_mixed_counts", "layers"});
  check(object.integer("version") == kVersion, path.string(), ": has version ", object.integer("version"),
        ", expected ", kVersion);
  const JsonObject model = object.object("model"), stats = object.object("stats"), align = object.object("align");
  model.expect_only({"type", "fingerprint"});
  stats.expect_only({"path", "hash"});
  align.expect_only({"permute", "rescale"});
  const JsonObject options = object.object("options");
  options.string("method", "");  // result.json repeats it
  Plan plan{.model_fingerprint = model.string("fingerprint"),
            .model_type = model.string("type"),
            .stats_path = stats.string("path"),
            .stats_hash = stats.string("hash"),
            .options = options.json(),
            .align = {.permute = align.boolean("permute"), .rescale = align.boolean("rescale")},
            .ridge = object.number("ridge"),
            .seed = object.unsigned_integer("seed"),
            .weights = options.json().contains("weights") ? read_weights(options.array("weights"), options.place())
                                                          : std::vector<double>(),
            .allow_mixed_counts = object.boolean("allow_mixed_counts", false)};
  for (const Json& layer : object.array("layers")) {
    plan.layers.push_back(
        read_layer_plan(layer, concat(path.string(), ", entry ", plan.layers.size(), " of 'layers'")));
  }
  return plan;
}

}  // namespace uncurl::prune
