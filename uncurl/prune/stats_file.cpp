#include "uncurl/prune/stats_file.h"

#include <ATen/ATen.h>

#include "uncurl/base/error.h"
#include "uncurl/prune/check_stats.h"
#include "uncurl/tensor/shape.h"

namespace uncurl::prune {
namespace {

constexpr int kOldestVersion = 2;

std::string layer_name(std::int64_t layer, const std::string& what) {
  return "layers." + std::to_string(layer) + "." + what;
}
std::string source_name(std::int64_t layer, std::size_t source, const std::string& what) {
  return layer_name(layer, "sources." + std::to_string(source) + "." + what);
}

Json source_json(const SourceInfo& source) {
  Json json = {{"name", source.name}};
  if (source.weight) json["weight"] = *source.weight;
  json["content_hash"] = source.content_hash;
  json["records"] = source.num_records;
  json["left_out_rows"] = source.num_left_out;
  json["rows"] = source.num_rows;
  json["tokens"] = source.num_tokens;
  json["cut_rows"] = source.num_cut;
  json["longest_row"] = source.longest;
  json["held_out_rows"] = source.num_held_out_rows;
  json["held_out_tokens"] = source.num_held_out_tokens;
  return json;
}

SourceInfo source_from_json(const Json& json) {
  const JsonObject object(json, "a source");
  SourceInfo source{.name = object.string("name")};
  if (object.has("weight")) source.weight = object.number("weight");
  source.content_hash = object.string("content_hash");
  source.num_records = object.integer("records");
  source.num_left_out = object.integer("left_out_rows", 0);
  source.num_rows = object.integer("rows");
  source.num_tokens = object.integer("tokens");
  source.num_cut = object.integer("cut_rows");
  source.longest = object.integer("longest_row");
  source.num_held_out_rows = object.integer("held_out_rows");
  source.num_held_out_tokens = object.integer("held_out_tokens");
  return source;
}

std::vector<std::int64_t> numbers(const model::TensorFile& file, const std::string& name) {
  const Tensor& tensor = file.at(name);
  check(tensor.scalar_type() == at::kLong && tensor.dim() == 1, name, " should be a list of I64");
  const auto* const data = tensor.const_data_ptr<std::int64_t>();
  return {data, data + tensor.numel()};
}

RoutingStats parse_stats(const model::TensorFile& file) {
  const JsonObject metadata(file.metadata, "its metadata");
  check(metadata.string("kind", "") == "statistics", "is not a statistics file of `uncurl observe`");
  const std::int64_t version = metadata.integer("version");
  check(version >= kOldestVersion && version <= kStatsVersion, "has version ", version, ", expected ", kOldestVersion,
        " to ", kStatsVersion, "; observe again with this program");
  RoutingStats stats{.request = metadata.string("request", ""), .provenance = metadata.object("provenance").json()};
  for (const Json& source : metadata.array("sources")) stats.sources.push_back(source_from_json(source));
  stats.sample_tokens = file.at("sample_tokens");
  stats.sample_source = file.at("sample_source");
  for (const Json& layer : metadata.array("layers")) {
    check(layer.is_number_integer(), "its metadata: 'layers' should hold numbers of layers, found ", layer.dump());
    stats.layers.push_back(read_layer(file, layer.get<std::int64_t>(), stats.sources.size()));
  }
  stats.held_out.rows = {file.at("held_out.ids"), numbers(file, "held_out.begins")};
  for (const Json& name : metadata.array("held_out_sources")) {
    check(name.is_string(), "its metadata: 'held_out_sources' should hold names, found ", name.dump());
    stats.held_out.source_names.push_back(name.get<std::string>());
  }
  stats.held_out.source_of_row = numbers(file, "held_out.source_of_row");
  stats.held_out.final_ND = file.at("held_out.final");
  check_stats(stats);
  return stats;
}

}  // namespace

void append_layers(const std::vector<LayerStats>& layers, model::NamedTensors& tensors) {
  for (const LayerStats& layer : layers) {
    for (std::size_t s = 0; s < layer.sources.size(); ++s) {
      ExpertSums sums = layer.sources[s];
      for_each_sum(sums, [&](const char* name, Tensor& sum, bool) {
        tensors.emplace_back(source_name(layer.layer, s, name), sum);
      });
      tensors.emplace_back(source_name(layer.layer, s, "num_tokens"), at::full({1}, sums.num_tokens, at::kDouble));
    }
    tensors.emplace_back(layer_name(layer.layer, "sample_logits"), layer.sample_logits);
    if (layer.sample_inputs.defined()) {
      tensors.emplace_back(layer_name(layer.layer, "sample_inputs"), layer.sample_inputs);
    }
  }
}

LayerStats read_layer(const model::TensorFile& file, std::int64_t layer, std::size_t num_sources) {
  LayerStats stats{.layer = layer};
  for (std::size_t s = 0; s < num_sources; ++s) {
    ExpertSums sums;
    for_each_sum(sums, [&](const char* name, Tensor& sum, bool) { sum = file.at(source_name(layer, s, name)); });
    const Tensor& num_tokens = file.at(source_name(layer, s, "num_tokens"));
    expect_shape(num_tokens, {1}, source_name(layer, s, "num_tokens"));
    sums.num_tokens = num_tokens.item<double>();
    stats.sources.push_back(std::move(sums));
  }
  stats.sample_logits = file.at(layer_name(layer, "sample_logits"));
  const std::string inputs = layer_name(layer, "sample_inputs");
  if (file.tensors.contains(inputs)) stats.sample_inputs = file.at(inputs);
  return stats;
}

void write_stats(const std::filesystem::path& path, const RoutingStats& stats) {
  Json metadata = {{"kind", "statistics"}, {"version", kStatsVersion}, {"provenance", stats.provenance}};
  if (!stats.request.empty()) metadata["request"] = stats.request;
  metadata["sources"] = Json::array();
  for (const SourceInfo& source : stats.sources) metadata["sources"].push_back(source_json(source));
  metadata["held_out_sources"] = stats.held_out.source_names;
  metadata["layers"] = Json::array();
  for (const LayerStats& layer : stats.layers) metadata["layers"].push_back(layer.layer);
  model::NamedTensors tensors = {{"sample_tokens", stats.sample_tokens},
                                 {"sample_source", stats.sample_source},
                                 {"held_out.ids", stats.held_out.rows.ids_N},
                                 {"held_out.begins", at::tensor(stats.held_out.rows.begins, at::kLong)},
                                 {"held_out.source_of_row", at::tensor(stats.held_out.source_of_row, at::kLong)},
                                 {"held_out.final", stats.held_out.final_ND}};
  append_layers(stats.layers, tensors);
  model::write_tensor_file(path, tensors, metadata);
}

RoutingStats read_stats(const std::filesystem::path& path) {
  const model::TensorFile file = model::read_tensor_file(path);
  return with_context(path.string(), [&] { return parse_stats(file); });
}

RoutingStats read_stats(const std::filesystem::path& path, const model::ModelConfig& config) {
  RoutingStats stats = read_stats(path);
  with_context(path.string(), [&] { expect_stats_fit(stats, config); });
  return stats;
}

}  // namespace uncurl::prune
