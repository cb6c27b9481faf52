// What an interrupted observation leaves beside its output: the hidden states behind the last finished layer and the
// statistics so far. Saved by rename, so it is always whole.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

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

class ObserveState {
 public:
  /// @param path  empty: nothing is loaded or saved
  ObserveState(std::filesystem::path path, std::string key, const Listener& listener);
  /// Removes the file when the observation went through; keeps it when an exception passes (an interruption).
  ~ObserveState();
  ObserveState(const ObserveState&) = delete;
  ObserveState& operator=(const ObserveState&) = delete;

  /// The point to resume from, if the file is there and of this request.
  std::optional<ResumePoint> load(std::size_t num_sources) const;
  void save(const ResumePoint& point) const;
  void discard() const;

 private:
  std::filesystem::path path_;
  std::string key_;
  const Listener& listener_;
  int exceptions_at_start_;
};

}  // namespace uncurl::prune
