// Station 3: all rows of the task through the model, layer by layer, and the statistics of every MoE layer.
// Held-out rows ride along: they reach no statistic, and the original model is read once.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "uncurl/base/listener.h"
#include "uncurl/model/stream.h"
#include "uncurl/prune/stats.h"
#include "uncurl/text/sample.h"

namespace uncurl::prune {

struct ObserveOptions {
  std::int64_t sample_tokens = 8192;  ///< tokens whose logits are kept, chosen by a hash of their number
  Json provenance = Json::object();   ///< options that change the rows (sequence length ...), for the file
  std::filesystem::path state;        ///< where an interrupted run resumes; empty: nothing is saved
};

/// Runs the sweep. With a state file, the hidden states and statistics of the last finished layer are saved there; a
/// later call with the same model, rows and options resumes behind that layer and gives the same bytes. The state is
/// removed at the end; that of another request is replaced, with a note.
/// @throws Error if no row is left to observe, or for what the layers find (NaN weights, NaN logits)
RoutingStats observe(const model::Model& model, const Compute& compute,
                     const std::vector<text::SampledSource>& sources, const ObserveOptions& options,
                     const Listener& listener);

/// Bytes of the state file at its largest.
std::int64_t state_bytes(const model::ModelConfig& config, std::int64_t num_tokens, std::int64_t num_sources,
                         std::int64_t sample_tokens, at::ScalarType dtype);

}  // namespace uncurl::prune
