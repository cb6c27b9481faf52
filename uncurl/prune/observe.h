// Station 3: all rows of the task through the model, layer by layer, and the statistics of every MoE layer.
// Held-out rows ride along: they reach no statistic, and the original model is read once.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "uncurl/base/listener.h"
#include "uncurl/model/stream.h"
#include "uncurl/prune/resume.h"
#include "uncurl/prune/stats.h"
#include "uncurl/text/sample.h"

namespace uncurl::prune {

/// What the layer just observed becomes for the layers after it. @param stats  holds that layer alone
using ReplaceLayer = std::function<model::LayerWeights(model::LayerWeights, const RoutingStats& stats)>;

struct ObserveOptions {
  std::int64_t sample_tokens = 8192;  ///< tokens whose logits are kept: those of the smallest hashes of their numbers
  std::int64_t input_tokens = 0;      ///< the first so many of these keep the inputs of every MoE block, too
  Json provenance = Json::object();   ///< options that change the rows (sequence length ...), for the file
  ReplaceLayer replace;               ///< observed tokens leave each MoE layer through this; held-out rows do not
  std::filesystem::path state;        ///< folder from which an interrupted run resumes; empty: nothing is saved
  double save_seconds = 5;            ///< at least so many seconds lie between two saves
};

/// Runs the sweep. With a state, hidden states and statistics of finished layers are saved there now and then (see
/// SaveSchedule), and when the listener interrupts: then the layer is finished first. A later call with the same model,
/// rows and options resumes after the last layer saved and gives the same bytes. The state of another request, or one
/// that cannot be read, is removed, with a note. The state outlives the call, so that a failure to write the statistics
/// does not cost all layers: the caller discards it once they are on the disk.
/// @throws Error before the first layer if more inputs than logits are to be kept, no row is left to observe,
/// embeddings, final norm or head hold NaN, or the
///         disk of the state has too little room; later for what the layers find (NaN weights, NaN logits): that
///         removes the state, since resuming would find it again
/// @throws StateNotSaved if a state cannot be written; the one before is kept
/// @throws InterruptedAfter for an Interrupted of the listener when there is a state to resume from
RoutingStats observe(const model::Model& model, const Compute& compute, const std::vector<text::SampledSource>& sources,
                     const ObserveOptions& options, const Listener& listener);

/// The `request` of the statistics that observe() would give.
std::string request_of(const model::Model& model, const Compute& compute,
                       const std::vector<text::SampledSource>& sources, const ObserveOptions& options);

/// Bytes of the state at its largest: statistics of all layers, and hidden states beside those that they replace.
/// @param size  num_tokens: with those held out
std::int64_t state_bytes(const model::ModelConfig& config, const StatsSize& size, at::ScalarType dtype);
std::int64_t hidden_bytes(const model::ModelConfig& config, const StatsSize& size, at::ScalarType dtype);

/// Of these, what a state that is there does not hold yet.
std::uint64_t bytes_to_come(const std::filesystem::path& state, const model::ModelConfig& config, const StatsSize& size,
                            at::ScalarType dtype);

}  // namespace uncurl::prune
