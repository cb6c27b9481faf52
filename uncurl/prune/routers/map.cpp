// Every old row stays and leads to the expert that its own became part of: a group that is chosen by several of its
// rows counts with the sum of their gates. Routing is then the original's, so what is lost is what the merge itself
// costs. No checkpoint of a supported family can hold more rows than experts: this exists in memory, as a yardstick.
#include <ATen/ATen.h>

#include <algorithm>

#include "uncurl/prune/routers/table.h"

namespace uncurl::prune {
namespace {

/// (member, group), by member.
std::vector<std::pair<int, std::int64_t>> members_with_groups(const Groups& groups) {
  std::vector<std::pair<int, std::int64_t>> members;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (const int member : groups[g].members) members.emplace_back(member, static_cast<std::int64_t>(g));
  }
  std::sort(members.begin(), members.end());
  return members;
}

}  // namespace

at::Tensor every_row(const RouterInput& input) {
  std::vector<std::int64_t> rows;
  for (const auto& [member, group] : members_with_groups(input.groups)) rows.push_back(member);
  return input.router_ED.index_select(0, at::tensor(rows, at::kLong));
}

at::Tensor expert_of_every_row(const Groups& groups) {
  std::vector<std::int64_t> experts;
  for (const auto& [member, group] : members_with_groups(groups)) experts.push_back(group);
  return at::tensor(experts, at::kLong);
}

}  // namespace uncurl::prune
