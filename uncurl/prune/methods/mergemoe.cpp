// MergeMoE: the G most used experts are centres, every other expert joins the centre whose up and gate weights are
// nearest. What becomes of a group is the plan's merge `least-squares`: the down projection is fitted on sampled
// inputs, see least_squares.h.
//
// MergeMoE, 2025, arXiv 2510.14436.
#include "uncurl/prune/grouping.h"
#include "uncurl/prune/methods/frequency_merge.h"
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {
namespace {

Groups group_layer(const MethodInput& input, const LayerSummary& layer) {
  if (clustering_of(kMergeMoeGrouping, input.options) == nullptr) {
    return join_most_used(input, layer, [&] { return nearness_of(kMergeMoeGrouping, input, layer); });
  }
  Groups groups;
  for (std::vector<int>& members : clustered(input, layer, kMergeMoeGrouping)) {
    groups.push_back(weighted_group(std::move(members), layer));
  }
  return groups;
}

}  // namespace

std::vector<Groups> plan_mergemoe(const MethodInput& input) {
  return plan_each_layer(input, [&](const LayerSummary& layer) { return group_layer(input, layer); });
}

}  // namespace uncurl::prune
