// What was lost: the smaller model beside the original on rows that no statistic has seen.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "uncurl/base/json.h"
#include "uncurl/base/listener.h"
#include "uncurl/math/interval.h"
#include "uncurl/model/stream.h"
#include "uncurl/prune/merge.h"
#include "uncurl/prune/stats.h"

namespace uncurl::prune {

/// Logits that are compared at once: 32 MB a buffer, whatever the vocabulary.
inline constexpr std::int64_t kLogitsAtOnce = std::int64_t{1} << 23;

/// Of one source, or of all. Intervals are 95%, rows being the sampling unit.
struct Quality {
  std::string source;
  std::int64_t num_tokens = 0;   ///< predicted tokens
  math::Estimate loss_original;  ///< nats per token; perplexity is its exponential
  math::Estimate loss_pruned;
  math::Estimate kl;         ///< KL(original || pruned), nats per token
  math::Estimate agreement;  ///< share of tokens whose likeliest next token is the same
};

/// Sums over the predicted tokens of one held-out row, from which the quality on any rows follows.
struct RowSums {
  double tokens = 0, loss_original = 0, loss_pruned = 0, kl = 0, agrees = 0;
};

/// Entries by source, then one for all if there are several. @param rows  one for each held-out row, or none at all
std::vector<Quality> summarize_rows(const std::vector<RowSums>& rows, const HeldOut& held_out);

/// The held-out rows through a written checkpoint. Entries by source, then one for all if there are several; empty
/// without held-out rows.
std::vector<Quality> measure_checkpoint(const model::LayerStream& original, const model::LayerStream& pruned,
                                        const RoutingStats& stats, const Listener& listener);

/// Puts the layers of a plan in the place of the original's: the `edit` of model::SweepOptions that tries a plan in
/// memory. Each layer is pruned when it is asked for; model, plan and summaries must outlive the function.
std::function<model::LayerWeights(model::LayerWeights, std::int64_t layer)> plan_edit(
    const model::Model& model, const Plan& plan, const std::vector<LayerSummary>& layers);

/// The pruned layer in the place of the routed part of `weights`, in their dtype. @param weights  with or without
/// experts
model::LayerWeights with_pruned(model::LayerWeights weights, const PrunedLayer& pruned);

/// The same for a plan that is tried in memory, without writing anything.
std::vector<Quality> measure_plan(const model::LayerStream& original, const Plan& plan,
                                  const std::vector<LayerSummary>& layers, const RoutingStats& stats,
                                  const Listener& listener);

/// The rows of measure_plan, for comparing plans row by row.
std::vector<RowSums> measure_plan_by_row(const model::LayerStream& original, const Plan& plan,
                                         const std::vector<LayerSummary>& layers, const RoutingStats& stats,
                                         const Listener& listener);

/// The rows under any change of weights. @param label  for progress
std::vector<RowSums> measure_edit_by_row(const model::LayerStream& original, const model::EditFunction& edit,
                                         const RoutingStats& stats, const std::string& label, const Listener& listener);

/// An estimate on the scale of perplexity.
math::Estimate perplexity(const math::Estimate& loss);

Json quality_json(const std::vector<Quality>& qualities);

}  // namespace uncurl::prune
