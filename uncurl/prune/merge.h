// Station 6: the experts and router of the smaller layer, from its plan and the stored weights.
#pragma once

#include <vector>

#include "uncurl/model/model.h"
#include "uncurl/prune/kept_tokens.h"
#include "uncurl/prune/plan.h"
#include "uncurl/prune/stats.h"

namespace uncurl::prune {

/// The routed part of one layer after pruning, in the stored dtypes.
struct PrunedLayer {
  std::vector<Expert> experts;  ///< by group; as stored for groups of one
  Tensor router;                ///< [G,D], one row an expert, unless expert_of_row says otherwise
  Tensor correction_bias;       ///< one for each of these rows, or undefined
  Tensor expert_of_row;         ///< int64, of the router rule `map`: which expert a row leads to; else undefined
};

/// One expert a group: its members aligned to the anchor, then averaged in fp32 (the anchor first, the others in their
/// order), then rounded once to the stored dtype. A group of one with scale 1 is the stored tensors themselves, and so
/// is one whose weight lies on the anchor alone.
/// @param experts  of the layer as stored; those that no group is made of may be undefined
/// Pairs of member and anchor are aligned in parallel, over all groups; the number of threads changes no bit.
/// Memory: per thread about eight fp32 experts and four matrices [F,F] of fp32.
/// @param tokens  with inputs in fp32: neurons are matched by their activations on them as well; per thread two
///                matrices [F,m] and two [F,F] more
std::vector<Expert> merge_groups(const std::vector<Expert>& experts, const Groups& groups, const AlignOptions& options,
                                 const KeptTokens* tokens = nullptr);

/// What these groups are made of: anchors, and members with a weight. @return one for each expert of the layer
std::vector<bool> experts_of_groups(const Groups& groups, std::int64_t num_experts);

/// Reads the experts that its groups are made of, no others.
/// @param summary  of the same layer: what the router rule looks at, and the inputs where the plan matches or merges by
/// them
PrunedLayer prune_layer(const model::Model& model, const Plan& plan, const LayerPlan& layer,
                        const LayerSummary& summary);

/// The same from experts that were read already, as stored: all, or those that its groups are made of.
PrunedLayer prune_layer(const model::Model& model, const Plan& plan, const LayerPlan& layer,
                        const LayerSummary& summary, const std::vector<Expert>& experts);

}  // namespace uncurl::prune
