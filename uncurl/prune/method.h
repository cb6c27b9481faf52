// A pruning method looks at the statistics of all layers and answers with groups of experts for each.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/base/listener.h"
#include "uncurl/cluster/affinity.h"
#include "uncurl/cluster/clustering.h"
#include "uncurl/model/model.h"
#include "uncurl/prune/plan.h"
#include "uncurl/prune/stats.h"

namespace uncurl::prune {

/// The affinity that loses least without training after merging; docs/method.md section 6 has the measurements.
/// AffinityOptions() is the paper's.
inline constexpr cluster::AffinityOptions kDefaultAffinity{
    .centering = cluster::Centering::kBoth, .map = cluster::AffinityMap::kHalf, .power = 16};

struct MethodOptions {
  bool renormalize_gates = false;                        ///< reap: divide the top_k gates of a token by their sum first
  std::optional<std::string> algorithm;                  ///< of clustering; default: the method's
  std::optional<std::string> compare;                    ///< what of experts is compared; default: the method's
  cluster::AffinityOptions affinity = kDefaultAffinity;  ///< merging methods
  cluster::ClusterOptions clustering;                    ///< its algorithm is the one above
  std::map<std::int64_t, std::vector<int>> protect;      ///< by layer: experts that stay as they are
};

struct MethodInput {
  const std::vector<LayerSummary>& layers;  ///< those planned alike, usually all: a method may compare them
  std::int64_t num_experts_after;           ///< G, the same in each of them
  const MethodOptions& options;
  std::uint64_t seed;
  const model::Model& model;  ///< for methods that look at weights
  const Listener& listener;
  bool allow_mixed_counts = false;  ///< G is then what layers keep on average, for methods with `mixed_counts`
};

/// How a merging method groups experts.
struct Grouping {
  const char* clustering = nullptr;  ///< a name in cluster/algorithms/table.h; nullptr: around anchors, in its own way
  const char* compare = nullptr;     ///< a name in compare.h; nullptr: by the similarity below
  bool any_clustering = true;        ///< a clustering may take the place of its own
  /// [E,E] fp64 in [0,1], ones on the diagonal, such that sqrt(2 - 2 s) are Euclidean distances
  Tensor (*similarity)(const MethodInput& input, const LayerSummary& layer) = nullptr;
};

struct Method {
  const char* name;
  const char* description;
  const char* source;  ///< the paper
  bool merges;
  bool needs_inputs;  ///< looks at LayerSummary::sample_inputs, whatever is compared
  bool mixed_counts;  ///< spends the experts of all layers as it sees fit, where they need not keep equally many
  bool draws;         ///< experts at random, by the seed
  std::vector<Groups> (*plan)(const MethodInput& input);  ///< by entry of input.layers, in_order
  Grouping grouping = {};                                 ///< of merging methods
  const char* router = nullptr;       ///< the rule of merging methods by default; nullptr: kDefaultMergeRouter
  const char* merge = kMergeAverage;  ///< how its groups become experts
  const char* match = kMatchWeights;  ///< and how its members are aligned before
};

/// Experts protected in a layer, ascending. @throws Error if one is out of range or there are more than are kept
std::vector<int> protected_experts(const MethodOptions& options, std::int64_t layer, std::int64_t num_experts,
                                   std::int64_t num_experts_after);
std::vector<int> protected_experts(const MethodInput& input, const LayerSummary& layer);

/// The G experts of the highest scores (ties: the lowest number), protected ones first, as groups of one.
Groups keep_highest(const std::vector<double>& scores, const MethodInput& input, const LayerSummary& layer);

/// A group of these members, weighted by how often each was chosen; its anchor is the most used one (ties: the higher
/// sum of gates, then the lowest number). Members nobody used get equal weights if no member was used.
ExpertGroup weighted_group(std::vector<int> members, const LayerSummary& layer);

/// Affinity of the experts of a layer by their router logits. @throws Error naming the layer
at::Tensor layer_affinity(const LayerSummary& layer, const cluster::AffinityOptions& options);

/// Applies `group_layer` to every layer: for methods that treat each alone.
template <class GroupLayer>
std::vector<Groups> plan_each_layer(const MethodInput& input, GroupLayer group_layer) {
  std::vector<Groups> plans;
  for (const LayerSummary& layer : input.layers) plans.push_back(in_order(group_layer(layer)));
  return plans;
}

/// A sum [E] over the tokens of each expert as their mean; 0 for an expert that was never chosen.
std::vector<double> mean_by_use(const at::Tensor& sum_E, const LayerSummary& layer);

/// A [E] fp64 tensor as plain numbers.
std::vector<double> plain(const at::Tensor& values_E);

}  // namespace uncurl::prune
