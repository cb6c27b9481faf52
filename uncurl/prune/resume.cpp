#include "uncurl/prune/resume.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "uncurl/base/file.h"
#include "uncurl/base/hash.h"
#include "uncurl/prune/check_stats.h"
#include "uncurl/prune/stats_file.h"
#include "uncurl/tensor/bytes.h"
#include "uncurl/tensor/shape.h"

namespace uncurl::prune {
namespace {

namespace fs = std::filesystem;

constexpr const char* kKind = "interrupted observation";
constexpr const char* kHiddenFile = "hidden.safetensors";
constexpr const char* kLayerFile = "layers-";

/// Another request's: no fault of the file.
class OtherRequest : public std::exception {};

void expect_key(const JsonObject& metadata, const std::string& key) {
  check(metadata.string("kind", "") == kKind, "is not the state of an observation");
  if (metadata.string("key", "") != key) throw OtherRequest();
}

std::vector<fs::path> files_of_state(const fs::path& state) {
  std::vector<fs::path> files;
  std::error_code ignored;
  if (fs::is_regular_file(state, ignored)) return {state};  // of an earlier version, which kept a single file
  for (fs::directory_iterator entry(state, ignored), end; entry != end; entry.increment(ignored)) {
    const std::string name = entry->path().filename();
    if (name.starts_with(kHiddenFile) || name.starts_with(kLayerFile)) files.push_back(entry->path());
  }
  return files;
}

/// Of a file in the folder of the state, and nowhere else.
bool is_name_of_layers(const std::string& name) {
  return name.starts_with(kLayerFile) && fs::path(name).filename() == name;
}

void check_point(const ResumePoint& point, const ResumeShape& shape) {
  const auto num_layers = static_cast<std::int64_t>(shape.experts_of_layer.size());
  check(point.next_layer > 0 && point.next_layer <= num_layers, "next_layer is ", point.next_layer, ", expected 1 to ",
        num_layers);
  expect_shape(point.hidden_ND, {shape.num_tokens, shape.hidden_size}, "hidden");
  check(point.hidden_ND.scalar_type() == shape.dtype, "hidden holds ", dtype_name(point.hidden_ND.scalar_type()),
        ", expected ", dtype_name(shape.dtype));
  std::size_t found = 0;
  for (std::int64_t layer = 0; layer < point.next_layer; ++layer) {
    const std::int64_t num_experts = shape.experts_of_layer[static_cast<std::size_t>(layer)];
    if (num_experts == 0) continue;
    check(found < point.layers.size() && point.layers[found].layer == layer, "the statistics of layer ", layer,
          " are missing");
    const std::int64_t stored = point.layers[found++].sources.front().count.numel();
    check(stored == num_experts, "layer ", layer, " has ", stored, " experts, expected ", num_experts);
  }
  check(found == point.layers.size(), "there are statistics of ", point.layers.size(), " layers, expected ", found);
}

}  // namespace

std::string request_key(const RoutingStats& stats, const model::PackedRows& rows) {
  Hasher hasher;
  hasher.add(concat("statistics ", kStatsVersion));
  hasher.add(json_text(stats.provenance));
  for (const SourceInfo& source : stats.sources) {
    hasher.add(source.name);
    hasher.add(source.content_hash);
    hasher.add(concat(source.num_tokens, " ", source.num_held_out_tokens));
    if (source.weight) hasher.add(concat("weight ", *source.weight));
  }
  hasher.add(bytes_of(rows.ids_N));
  hasher.add(std::as_bytes(std::span(rows.begins)));
  return hasher.hex();
}

SaveSchedule save_schedule(std::int64_t num_layers, std::int64_t hidden_bytes, std::int64_t layer_bytes,
                           double seconds_apart) {
  const std::int64_t left = std::max<std::int64_t>(0, kStateBytes - layer_bytes);
  const std::int64_t num_saves = std::max<std::int64_t>(1, left / std::max<std::int64_t>(1, hidden_bytes));
  return {num_layers, (num_layers + num_saves) / (num_saves + 1), seconds_apart};
}

ObserveState::ObserveState(fs::path path, std::string key, const Listener& listener)
    : path_(std::move(path)), key_(std::move(key)), listener_(listener) {}

std::optional<ResumePoint> ObserveState::load(const ResumeShape& shape) {
  if (path_.empty() || files_of_state(path_).empty()) return std::nullopt;
  try {
    check(fs::is_directory(path_), "was left by another version of this program");
    if (!fs::exists(path_ / kHiddenFile)) return std::nullopt;  // killed before the first save was complete
    ResumePoint point = read(shape);
    next_layer_ = point.next_layer;
    num_saved_ = point.layers.size();
    listener_.note(concat("resuming after layer ", point.next_layer, " from ", path_.string()));
    return point;
  } catch (const OtherRequest&) {
    listener_.note(path_.string() + " belongs to another observation; starting anew");
  } catch (const Error& error) {
    listener_.note(concat(path_.string(), " cannot be used (", error.what(), "); starting anew"));
  }
  discard_state(path_);
  layer_files_.clear();
  return std::nullopt;
}

void ObserveState::read_layers(const std::string& file_name, const ResumeShape& shape,
                               std::vector<LayerStats>& layers) const {
  const fs::path path = path_ / file_name;
  const model::TensorFile file = model::read_tensor_file(path);
  const JsonObject metadata(file.metadata, path.string());
  expect_key(metadata, key_);
  with_context(path.string(), [&] {
    for (const Json& layer : metadata.array("layers")) {
      check(layer.is_number_integer(), "its metadata: 'layers' should hold numbers of layers, found ", layer.dump());
      layers.push_back(read_layer(file, layer.get<std::int64_t>(), shape.num_sources));
      check_layer_stats(layers.back(), shape.num_samples);
    }
  });
}

ResumePoint ObserveState::read(const ResumeShape& shape) {
  const fs::path path = path_ / kHiddenFile;
  const model::TensorFile file = model::read_tensor_file(path);
  const JsonObject metadata(file.metadata, path.string());
  expect_key(metadata, key_);
  ResumePoint point{.next_layer = metadata.integer("next_layer"), .hidden_ND = file.at("hidden")};
  for (const Json& name : metadata.array("files")) {
    check(name.is_string() && is_name_of_layers(name.get<std::string>()), path.string(), ": names the file ",
          name.dump(), ", expected ", kLayerFile, "N.safetensors");
    layer_files_.push_back(name.get<std::string>());
    read_layers(layer_files_.back(), shape, point.layers);
  }
  with_context(path.string(), [&] { check_point(point, shape); });
  return point;
}

bool ObserveState::is_due(std::int64_t next_layer, const SaveSchedule& schedule) const {
  if (path_.empty() || next_layer >= schedule.num_layers) return false;
  if (next_layer - next_layer_ < schedule.layers_apart) return false;
  const double seconds = std::chrono::duration<double>(Clock::now() - saved_).count();
  return schedule.seconds_apart == 0 || seconds >= std::max(schedule.seconds_apart, 20 * save_seconds_);
}

void ObserveState::save(const ResumePoint& point) {
  if (path_.empty()) return;
  const Clock::time_point begin = Clock::now();
  try {
    if (fs::is_regular_file(path_)) discard_state(path_);
    std::error_code error;
    fs::create_directory(path_, error);
    check(!error, path_.string(), ": cannot be created: ", error.message());
    save_layers(point);
    model::write_tensor_file(
        path_ / kHiddenFile, {{"hidden", point.hidden_ND}},
        {{"kind", kKind}, {"key", key_}, {"next_layer", point.next_layer}, {"files", layer_files_}});
  } catch (const Error& error) {
    throw StateNotSaved(error.what());
  }
  next_layer_ = point.next_layer;
  saved_ = Clock::now();
  save_seconds_ = std::chrono::duration<double>(saved_ - begin).count();
}

void ObserveState::save_layers(const ResumePoint& point) {
  if (num_saved_ == point.layers.size()) return;
  const std::vector<LayerStats> fresh(point.layers.begin() + static_cast<std::ptrdiff_t>(num_saved_),
                                      point.layers.end());
  Json metadata = {{"kind", kKind}, {"key", key_}, {"layers", Json::array()}};
  for (const LayerStats& layer : fresh) metadata["layers"].push_back(layer.layer);
  model::NamedTensors tensors;
  append_layers(fresh, tensors);
  const std::string name = concat(kLayerFile, point.next_layer, ".safetensors");
  model::write_tensor_file(path_ / name, tensors, metadata);
  layer_files_.push_back(name);
  num_saved_ = point.layers.size();
}

std::uint64_t bytes_of_state(const fs::path& state) {
  std::uint64_t sum = 0;
  std::error_code error;
  for (const fs::path& file : files_of_state(state)) {
    const std::uintmax_t bytes = fs::file_size(file, error);
    if (!error) sum += bytes;
  }
  return sum;
}

void discard_state(const fs::path& state) {
  std::error_code ignored;
  // The file that names the others goes first: killed in here, nothing is left that could be resumed from in part.
  std::vector<fs::path> files = files_of_state(state);
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) fs::remove(file, ignored);
  if (fs::is_directory(state, ignored)) fs::remove(state, ignored);  // not if it holds anything else
}

}  // namespace uncurl::prune
