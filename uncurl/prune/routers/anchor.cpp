// The anchor's row as it is. For groups of one this is slicing.
#include <ATen/ATen.h>

#include "uncurl/prune/routers/table.h"

namespace uncurl::prune {

at::Tensor anchor_rows(const RouterInput& input) {
  std::vector<std::int64_t> anchors;
  for (const ExpertGroup& group : input.groups) anchors.push_back(group.anchor);
  return input.router_ED.index_select(0, at::tensor(anchors, at::kLong));
}

}  // namespace uncurl::prune
