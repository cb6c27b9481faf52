// What an interrupted observation leaves beside its output, in a folder: `hidden.safetensors`, the hidden states after
// a finished layer, replaced by each save; and a `layers-N.safetensors` per save, the statistics of the layers since
// the save before, N the layer that follows them. So the statistics are written once, and it is the hidden states that
// decide what saving costs: see SaveSchedule.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "uncurl/base/error.h"
#include "uncurl/base/listener.h"
#include "uncurl/prune/stats.h"

namespace uncurl::prune {

struct ResumePoint {
  std::int64_t next_layer = 0;
  Tensor hidden_ND;  ///< input of next_layer
  std::vector<LayerStats> layers;
};

/// What a request makes its points of. Their files are held to it, since a disk may have damaged them.
struct ResumeShape {
  std::vector<std::int64_t> experts_of_layer;  ///< 0 for a layer without
  std::int64_t num_tokens = 0, hidden_size = 0, num_samples = 0;
  at::ScalarType dtype = at::kFloat;  ///< of the hidden states
  std::size_t num_sources = 0;
};

/// Recognises a request: model, dtype, options, sources and every token id.
std::string request_key(const RoutingStats& stats, const model::PackedRows& rows);

/// When the state is saved: what is written in all stays within kStateBytes where one save of the hidden states fits
/// beside the statistics, and saving takes at most a twentieth of the time.
struct SaveSchedule {
  std::int64_t num_layers = 0;
  std::int64_t layers_apart = 1;  ///< at least so many layers between two saves
  double seconds_apart = 0;       ///< and so many seconds, and 20 times what the last save took; 0: no time counts
};
inline constexpr std::int64_t kStateBytes = 1'500'000'000;

/// @param layer_bytes  of the statistics of all layers
SaveSchedule save_schedule(std::int64_t num_layers, std::int64_t hidden_bytes, std::int64_t layer_bytes,
                           double seconds_apart);

/// The disk is full, say. The state before it is untouched, so the same request resumes from that.
class StateNotSaved : public Error {
 public:
  using Error::Error;
};

/// The state of one request. It stays until discard_state, whatever happens.
class ObserveState {
 public:
  /// @param path  of the folder; empty: nothing is loaded or saved
  ObserveState(std::filesystem::path path, std::string key, const Listener& listener);

  /// The point to resume from. A state of another request and one that cannot be read are removed, with a note.
  /// @throws Error if the state is there and cannot be opened
  std::optional<ResumePoint> load(const ResumeShape& shape);

  bool is_due(std::int64_t next_layer, const SaveSchedule& schedule) const;
  /// @throws StateNotSaved
  void save(const ResumePoint& point);

  const std::filesystem::path& path() const { return path_; }
  /// Where this request would resume; 0: it would start anew.
  std::int64_t next_layer() const { return next_layer_; }

 private:
  using Clock = std::chrono::steady_clock;

  ResumePoint read(const ResumeShape& shape);
  void read_layers(const std::string& file_name, const ResumeShape& shape, std::vector<LayerStats>& layers) const;
  void save_layers(const ResumePoint& point);

  std::filesystem::path path_;
  std::string key_;
  const Listener& listener_;
  std::vector<std::string> layer_files_;
  std::size_t num_saved_ = 0;  ///< layers in these files
  std::int64_t next_layer_ = 0;
  Clock::time_point saved_ = Clock::now();
  double save_seconds_ = 0;  ///< that the last save took
};

/// Bytes of a state that is there; 0 if there is none.
std::uint64_t bytes_of_state(const std::filesystem::path& state);

/// Removes a state; nothing happens if there is none. Files of others in its folder stay.
void discard_state(const std::filesystem::path& state);

}  // namespace uncurl::prune
