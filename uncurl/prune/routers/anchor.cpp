// The anchor's row as it is. For groups of one this is slicing.
#include <ATen/ATen.h>

#include "uncurl/prune/routers/table.h"

namespace uncurl::prune {

at::Tensor anchor_rows(const RouterInput& input) {
  std::vector<std::int64_t> anchors;
  for (const ExpertGroup& group : input.groups) anchors.push_back(group.anchor);
  return input.router_ED.index_select(0, at::tensor(anchors, at::kLong));
}

void keep_single_rows_(at::Tensor& rows_GD, const RouterInput& input) {
  const at::Tensor anchors_GD = anchor_rows(input);
  for (std::size_t g = 0; g < input.groups.size(); ++g) {
    const auto row = static_cast<std::int64_t>(g);
    if (input.groups[g].is_single()) rows_GD[row].copy_(anchors_GD[row]);
  }
}

}  // namespace uncurl::prune
