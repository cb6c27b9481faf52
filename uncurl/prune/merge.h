// Station 6: the experts and router of the smaller layer, from its plan and the stored weights.
#pragma once

#include <vector>

#include "uncurl/model/model.h"
#include "uncurl/prune/plan.h"
#include "uncurl/prune/stats.h"

namespace uncurl::prune {

/// The routed part of one layer after pruning, in the stored dtypes.
struct PrunedLayer {
  std::vector<Expert> experts;  ///< by group; views of the checkpoint for groups of one
  Tensor router;                ///< [G,D]
  Tensor correction_bias;       ///< [G] or undefined
};

/// One expert from the members of a group: each aligned to the anchor, then averaged in fp32 in the order of the
/// members, then rounded once to the stored dtype. A group of one with scale 1 is the stored tensors themselves.
/// @param experts  all experts of the layer as stored
/// Members are aligned in parallel; the number of threads changes no bit. Memory: one fp32 expert per thread beside the
/// sum and the anchor.
Expert merge_group(const std::vector<Expert>& experts, const ExpertGroup& group, const AlignOptions& options);

/// @param summary  of the same layer: what the router rule looks at
PrunedLayer prune_layer(const model::Model& model, const Plan& plan, const LayerPlan& layer,
                        const LayerSummary& summary);

}  // namespace uncurl::prune
