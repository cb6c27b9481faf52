// Which rows each step of the optimiser sees. All of it is decided before the first step, from rows, config and seed,
// so a run that goes on needs to know nothing but its step.
#pragma once

#include <cstdint>
#include <vector>

#include "uncurl/model/rows.h"
#include "uncurl/train/data.h"

namespace uncurl::train {

struct RowId {
  std::int32_t source = 0;
  std::int32_t row = 0;
};

struct Step {
  std::vector<RowId> rows;
  std::int64_t num_tokens = 0;
  std::int64_t num_targets = 0;
};

/// Without weights the rows of all sources are shuffled together, anew for every pass over them. With weights each
/// source is shuffled by itself, and the next row is drawn from the source that is furthest behind its share.
/// @throws Error if the config asks for less than one step
std::vector<Step> plan_steps(const std::vector<RowSource>& sources, const TrainConfig& config);

/// As many of the rows as run at once: `size.rows` of them, or as many as fit `size.tokens`; one at least.
std::vector<std::vector<RowId>> cut(const std::vector<RowId>& rows, const std::vector<RowSource>& sources,
                                    const BatchSize& size);

/// What runs at once where the config does not say: as many rows as have 8,192 tokens.
BatchSize micro_batch_of(const TrainConfig& config);

/// Rows end to end with the target of every token, nn::kNoTarget where nothing counts.
struct Packed {
  model::PackedRows rows;
  at::Tensor targets_N;  ///< int64
  std::int64_t num_targets = 0;
};
Packed pack(const std::vector<RowId>& rows, const std::vector<RowSource>& sources);

}  // namespace uncurl::train
