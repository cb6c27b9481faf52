// What a plan is asked for, and everything about it that can be refused before a token is observed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/base/listener.h"
#include "uncurl/model/config.h"
#include "uncurl/prune/method.h"
#include "uncurl/prune/plan.h"

namespace uncurl::prune {

/// The rule that loses least without training after merging; docs/method.md section 6 has the measurements.
inline constexpr const char* kDefaultMergeRouter = "wmean";
inline constexpr double kDefaultRidge = 1e-2;

/// Tokens whose inputs are kept where a method looks at them.
inline constexpr std::int64_t kDefaultInputTokens = 4096;

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
  bool paper = false;  ///< made by --paper, for the record: the options above already say so
};

/// The number of experts to keep, from a count or a share of E.
/// @throws UsageError unless exactly one is given; Error if it is below top_k, above E, or splits expert groups
/// unevenly
std::int64_t resolve_count(const model::ModelConfig& config, std::optional<std::int64_t> experts,
                           std::optional<double> keep, const Listener& listener);

/// Method and number of experts of one MoE layer, its own where the request names one.
struct LayerChoice {
  std::int64_t layer;
  const Method* method;
  std::int64_t count;
  bool needs_inputs;  ///< the method looks at inputs of the MoE block, under the request's options
};

/// One entry a MoE layer, ascending.
/// @throws Error or UsageError for whatever cannot become a plan or has no effect, whatever the statistics will be:
///         unknown methods, rules and layers, counts below top_k or above E, protected experts that do not exist or
///         leave no group for the others, clusters too small to hold all, options of other methods
std::vector<LayerChoice> check_request(const model::ModelConfig& config, std::int64_t num_experts_after,
                                       const PlanRequest& request);

/// True if the method of some layer looks at inputs of the MoE blocks, which `observe` then has to keep.
bool needs_inputs(const std::vector<LayerChoice>& choices);

}  // namespace uncurl::prune
