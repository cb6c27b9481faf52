// Most used experts as anchors, every other expert with the nearest of them: what frequency-merge does in a layer, and
// mc-smoe once it knows how many anchors the layer has.
#pragma once

#include <functional>

#include "uncurl/prune/method.h"

namespace uncurl::prune {

/// One layer in input.num_experts_after groups, protected experts alone.
Groups join_most_used(const MethodInput& input, const LayerSummary& layer);

/// The same with another measure of what is near. @param affinity  [E,E] fp64, larger is nearer; asked for only where
/// an expert has to join another
Groups join_most_used(const MethodInput& input, const LayerSummary& layer, const std::function<Tensor()>& affinity);

}  // namespace uncurl::prune
