// Fills the statistics while the layers run: an observer that sorts tokens by source.
#pragma once

#include <vector>

#include "uncurl/model/observer.h"
#include "uncurl/prune/stats.h"

namespace uncurl::prune {

/// Tokens [begin, end) of the sweep belong to this source. Tokens in no segment (held-out rows) reach no statistic.
struct Segment {
  std::int64_t begin, end;
  std::size_t source;
};

class StatsCollector : public model::MoeObserver {
 public:
  /// @param segments      ascending, not overlapping
  /// @param sample        tokens whose logits are kept, ascending
  /// @param experts_of_layer  by model layer, 0 where dense
  StatsCollector(std::vector<Segment> segments, std::size_t num_sources, std::vector<std::int64_t> sample,
                 std::vector<std::int64_t> experts_of_layer);

  /// Sums are fp64 and taken call by call, so the same chunks give the same bits whatever the number of threads.
  /// @throws Error naming layer and expert if a logit is not finite
  void observe(const model::MoeCall& call) override;

  const std::vector<LayerStats>& layers() const { return layers_; }
  void restore(std::vector<LayerStats> layers) { layers_ = std::move(layers); }

 private:
  LayerStats& layer_stats(std::int64_t layer);
  void keep_sample(const model::MoeCall& call, LayerStats& stats) const;

  std::vector<Segment> segments_;
  std::size_t num_sources_;
  std::vector<std::int64_t> sample_;
  std::vector<std::int64_t> experts_of_layer_;
  std::vector<LayerStats> layers_;
};

}  // namespace uncurl::prune
