// What one pass over the task data keeps of each MoE layer: enough for every method at every number of experts.
// Sums are kept per source, so that a mixture can be weighted anew without observing again. docs/method.md section 1.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/base/json.h"
#include "uncurl/model/config.h"
#include "uncurl/model/rows.h"

namespace uncurl::prune {

using at::Tensor;

/// Sums over the observed tokens of one source in one layer, all fp64. X_e: the tokens routed to expert e; g: gates as
/// the model applies them; f: expert outputs before their gates.
struct ExpertSums {
  Tensor gram;             ///< [E,E] sum over all tokens of h h^T, h the router logits
  Tensor logit_sum;        ///< [E] sum over all tokens of h
  Tensor score_sum;        ///< [E] sum over all tokens of the router's score (softmax or sigmoid): the gate mass
  Tensor count;            ///< [E] |X_e|
  Tensor gate_sum;         ///< [E] sum over X_e of g
  Tensor norm_sum;         ///< [E] sum over X_e of |f|
  Tensor norm_square_sum;  ///< [E] sum over X_e of |f|^2
  Tensor gate_norm_sum;    ///< [E] sum over X_e of g |f|
  Tensor renormalized_gate_norm_sum;  ///< [E] the same with the top_k gates of each token divided by their sum
  Tensor change_gate_norm_sum;  ///< [E] sum over X_e of (1 - cos(u, u + r)) g |f|, at least 0: u the residual stream
                                ///< before the block, r what all routed experts of the token add to it
  Tensor norm_max;              ///< [E] maximum over X_e of |f|, 0 where X_e is empty
  double num_tokens = 0;
};

ExpertSums zero_sums(std::int64_t num_experts);

/// Calls visit(name, tensor, is_maximum) for each tensor of the sums, in a fixed order.
void for_each_sum(ExpertSums& sums, const std::function<void(const char* name, Tensor& sum, bool is_maximum)>& visit);

struct LayerStats {
  std::int64_t layer = 0;           ///< index in the model
  std::vector<ExpertSums> sources;  ///< S
  Tensor sample_logits;             ///< [n,E] fp32 router logits of the sampled tokens
  Tensor sample_inputs;  ///< [m,D] normed inputs of the block of the first m sampled tokens; undefined if not asked for
};

/// What is known of a source, for the coverage table and for weighting.
struct SourceInfo {
  std::string name;
  std::optional<double> weight;  ///< as the user gave it; absent: in proportion to tokens
  std::string content_hash;
  std::int64_t num_records = 0;
  std::int64_t num_left_out = 0;  ///< rows that could not be used
  std::int64_t num_rows = 0;      ///< observed
  std::int64_t num_tokens = 0;    ///< observed
  std::int64_t num_cut = 0;       ///< rows longer than the sequence length
  std::int64_t longest = 0;       ///< tokens of the longest row before cutting
  std::int64_t num_held_out_rows = 0;
  std::int64_t num_held_out_tokens = 0;
};

/// Rows that no statistic has seen, with what the original model made of them.
struct HeldOut {
  model::PackedRows rows;
  std::vector<std::string> source_names;    ///< the sources of which they are a share, or files of their own
  std::vector<std::int64_t> source_of_row;  ///< index into source_names
  Tensor final_ND;  ///< [N,D] of the original model, after its final norm: its logits are one product away
};

struct RoutingStats {
  std::string request;  ///< recognises the observation (request_key); empty in files of earlier programs
  Json provenance;      ///< version, model fingerprint and family, options that change the numbers
  std::vector<SourceInfo> sources;
  Tensor sample_tokens;  ///< [n] int64 number of each sampled token, in the order of their hashes, so that the
                         ///< first of them are a sample themselves
  Tensor sample_source;  ///< [n] int64 source of each sampled token
  std::vector<LayerStats> layers;  ///< one per MoE layer
  HeldOut held_out;
};

/// One layer as a method sees it: the sources mixed by their weights.
struct LayerSummary {
  std::int64_t layer = 0;
  ExpertSums sums;
  Tensor sample_logits;   ///< [n,E] fp32
  Tensor sample_weights;  ///< [n] fp64
  Tensor sample_inputs;   ///< [m,D] in the dtype of the run, m <= n: what router and experts saw of the first m sampled
                          ///< tokens; undefined unless the observation was asked to keep them

  std::int64_t num_experts() const { return sums.count.size(0); }
};

/// Bytes of all layers' statistics, as they lie in memory and in their file.
struct StatsSize {
  std::int64_t num_sources = 1;
  std::int64_t num_tokens = 0;     ///< observed
  std::int64_t sample_tokens = 0;  ///< at most so many logits are kept
  std::int64_t input_tokens = 0;   ///< and so many inputs
};
std::int64_t stats_bytes(const model::ModelConfig& config, const StatsSize& size, at::ScalarType dtype);

/// Each source's factor in the mixture: with weights w and tokens t, f_s = (w_s / sum w) (sum t / t_s), so that weights
/// in proportion to tokens leave the plain sums. A source without a weight takes its tokens' share if none has one.
/// @param weights  by source; empty: those of the stats
/// @throws Error if only some sources have weights, or as many weights as sources are not given
std::vector<double> mixture_factors(const RoutingStats& stats, const std::vector<double>& weights);

/// Sums, counts and sample weights times the factors; maxima by maximum.
LayerSummary mix(const LayerStats& layer, const Tensor& sample_source, const std::vector<double>& factors);
std::vector<LayerSummary> mix_all(const RoutingStats& stats, const std::vector<double>& weights);

}  // namespace uncurl::prune
