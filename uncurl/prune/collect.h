// Fills the statistics while the layers run: an observer that sorts tokens by source.
#pragma once

#include <vector>

#include "uncurl/model/observer.h"
#include "uncurl/prune/stats.h"

namespace uncurl::prune {

/// The sums of each call are taken over blocks of so many tokens of a source, counted from the first that the call has
/// of it, and then added block by block: part of what docs/formats.md says of statistics.
constexpr std::int64_t kBlockTokens = 256;

/// Tokens [begin, end) of the sweep belong to this source. Tokens in no segment (held-out rows) reach no statistic.
struct Segment {
  std::int64_t begin, end;
  std::size_t source;
};

class StatsCollector : public model::MoeObserver {
 public:
  /// @param segments      ascending, not overlapping
  /// @param sample        tokens whose logits are kept, in this order
  /// @param input_tokens  of so many of them, the first, the block's inputs are kept too
  /// @param experts_of_layer  by model layer, 0 where dense
  StatsCollector(std::vector<Segment> segments, std::size_t num_sources, const std::vector<std::int64_t>& sample,
                 std::int64_t input_tokens, std::vector<std::int64_t> experts_of_layer);

  /// Sums are fp64 and taken call by call in fixed blocks, which the threads share: the same calls give the same bits
  /// whatever the number of threads.
  /// @throws Error naming layer and expert if a logit is not finite
  void observe(const model::MoeCall& call) override;

  const std::vector<LayerStats>& layers() const { return layers_; }
  void restore(std::vector<LayerStats> layers) { layers_ = std::move(layers); }

 private:
  struct SampledToken {
    std::int64_t token, row;  ///< its number in the sweep and its place in the sample
  };

  LayerStats& layer_stats(const model::MoeCall& call);
  void keep_sample(const model::MoeCall& call, LayerStats& stats) const;

  std::vector<Segment> segments_;
  std::size_t num_sources_;
  std::vector<SampledToken> sample_;  ///< ascending by token
  std::int64_t input_tokens_;
  std::vector<std::int64_t> experts_of_layer_;
  std::vector<LayerStats> layers_;
};

}  // namespace uncurl::prune
