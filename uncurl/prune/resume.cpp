#include "uncurl/prune/resume.h"

#include <ATen/ATen.h>

#include "uncurl/base/hash.h"
#include "uncurl/prune/stats_file.h"
#include "uncurl/tensor/bytes.h"

namespace uncurl::prune {
namespace {

constexpr const char* kKind = "interrupted observation";

}  // namespace

std::string request_key(const RoutingStats& stats, const model::PackedRows& rows) {
  Hasher hasher;
  hasher.add(concat("statistics ", kStatsVersion));
  hasher.add(json_text(stats.provenance));
  for (const SourceInfo& source : stats.sources) {
    hasher.add(source.name);
    hasher.add(source.content_hash);
    hasher.add(concat(source.num_tokens, " ", source.num_held_out_tokens));
  }
  hasher.add(bytes_of(rows.ids_N));
  hasher.add(std::as_bytes(std::span(rows.begins)));
  return hasher.hex();
}

ObserveState::ObserveState(std::filesystem::path path, std::string key, const Listener& listener)
    : path_(std::move(path)), key_(std::move(key)), listener_(listener) {}

std::optional<ResumePoint> ObserveState::load(std::size_t num_sources) {
  if (path_.empty() || !std::filesystem::exists(path_)) return std::nullopt;
  const model::TensorFile file = model::read_tensor_file(path_);
  const JsonObject metadata(file.metadata, path_.string());
  if (metadata.string("kind", "") != kKind || metadata.string("key", "") != key_) {
    listener_.note(path_.string() + " belongs to another observation; starting anew");
    return std::nullopt;
  }
  ResumePoint point{.next_layer = metadata.integer("next_layer"), .hidden_ND = file.at("hidden").clone()};
  for (const Json& layer : metadata.array("layers")) {
    LayerStats stats = read_layer(file, layer.get<std::int64_t>(), num_sources);
    for (ExpertSums& sums : stats.sources) {
      for_each_sum(sums, [](const char*, Tensor& sum, bool) { sum = sum.clone(); });  // a mapping cannot be added to
    }
    point.layers.push_back(std::move(stats));
  }
  next_layer_ = point.next_layer;
  listener_.note(concat("resuming behind layer ", point.next_layer, " from ", path_.string()));
  return point;
}

void ObserveState::save(const ResumePoint& point) {
  if (path_.empty()) return;
  Json metadata = {{"kind", kKind}, {"key", key_}, {"next_layer", point.next_layer}, {"layers", Json::array()}};
  for (const LayerStats& layer : point.layers) metadata["layers"].push_back(layer.layer);
  model::NamedTensors tensors = {{"hidden", point.hidden_ND}};
  append_layers(point.layers, tensors);
  try {
    model::write_tensor_file(path_, tensors, metadata);
  } catch (const Error& error) {
    throw StateNotSaved(error.what());
  }
  next_layer_ = point.next_layer;
}

}  // namespace uncurl::prune
