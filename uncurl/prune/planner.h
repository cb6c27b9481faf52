// Stations 4 and 5: from statistics to a plan.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/base/listener.h"
#include "uncurl/prune/method.h"
#include "uncurl/prune/plan.h"
#include "uncurl/prune/stats.h"

namespace uncurl::prune {

/// The router rule that loses least without training after merging; docs/method.md section 6 has the measurements.
inline constexpr const char* kDefaultMergeRouter = "lse";
inline constexpr double kDefaultRidge = 1e-2;

struct PlanRequest {
  std::string method = "uncurl";
  std::optional<std::string> router;                   ///< default: slice for dropping, kDefaultMergeRouter for merging
  std::map<std::int64_t, std::string> layer_methods;   ///< another method for a layer of the model
  std::map<std::int64_t, std::int64_t> layer_experts;  ///< another count for a layer; needs allow_mixed_counts
  MethodOptions options;
  AlignOptions align;
  double ridge = kDefaultRidge;
  std::uint64_t seed = 0;
  std::vector<double> weights;  ///< of the sources; empty: as observed
  bool compensate = false;      ///< scale kept experts so that dropping does not raise their gates
  bool allow_mixed_counts = false;
};

/// The number of experts to keep, from a count or a share of E.
/// @throws UsageError unless exactly one is given; Error if it is below top_k, above E, or splits expert groups
/// unevenly
std::int64_t resolve_count(const model::ModelConfig& config, std::optional<std::int64_t> experts,
                           std::optional<double> keep, const Listener& listener);

/// The caller fills in stats_path and stats_hash. Notes and warnings: cluster sizes and the largest share per layer, gates that rise, strong experts that are lost.
Plan make_plan(const model::ModelConfig& config, const RoutingStats& stats, std::int64_t num_experts_after,
               const PlanRequest& request, const Listener& listener);

/// True if dropping experts raises the gates of the others: a softmax over all experts that is not renormalised.
bool gates_rise(const nn::RoutingRule& rule);

/// Mean over the sampled tokens of 1/(kept mass): the factor by which the gates of kept experts rise.
double mean_gate_rise(const LayerSummary& layer, const Groups& groups);

/// Sets each group's scale to the least-squares factor between its new and old gates over the sampled tokens that
/// choose it after pruning; the layer's factor where none does. docs/method.md section 5.
void compensate_(Groups& groups, const LayerSummary& layer, std::int64_t top_k);

}  // namespace uncurl::prune
