// What an interrupted observation leaves beside its output: the hidden states behind the last finished layer and the
// statistics so far. Saved by rename, so it is always whole.
#pragma once

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

/// Recognises a request: model, dtype, options, sources and every token id.
std::string request_key(const RoutingStats& stats, const model::PackedRows& rows);

/// The disk is full, say. The state of the layer before is untouched, so the same request resumes from it.
class StateNotSaved : public Error {
 public:
  using Error::Error;
};

/// An interruption that lost no finished layer; what() says where the same request resumes.
class ObservationInterrupted : public Interrupted {
 public:
  explicit ObservationInterrupted(std::string message) : message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

/// The state file of one request. It stays until discard_state, whatever happens.
class ObserveState {
 public:
  /// @param path  empty: nothing is loaded or saved
  ObserveState(std::filesystem::path path, std::string key, const Listener& listener);

  /// The point to resume from, if the file is there and of this request.
  std::optional<ResumePoint> load(std::size_t num_sources);
  /// Replaces the state of the layer before. @throws StateNotSaved
  void save(const ResumePoint& point);

  const std::filesystem::path& path() const { return path_; }
  /// Where this request would resume; 0: it would start anew.
  std::int64_t next_layer() const { return next_layer_; }

 private:
  std::filesystem::path path_;
  std::string key_;
  const Listener& listener_;
  std::int64_t next_layer_ = 0;
};

}  // namespace uncurl::prune
