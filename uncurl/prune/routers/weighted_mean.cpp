// The mean of the members' rows with the weights of the merge. Its logit lies below the group's log-sum-exp, so a
// merged expert is chosen less often than its members were.
#include <ATen/ATen.h>

#include "uncurl/prune/routers/table.h"
#include "uncurl/tensor/threads.h"

namespace uncurl::prune {

at::Tensor membership_weights(const Groups& groups, std::int64_t num_experts) {
  std::vector<double> weights(groups.size() * static_cast<std::size_t>(num_experts), 0.0);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (std::size_t m = 0; m < groups[g].members.size(); ++m) {
      const auto expert = static_cast<std::size_t>(groups[g].members[m]);
      weights[g * static_cast<std::size_t>(num_experts) + expert] = groups[g].weights[m];
    }
  }
  return at::tensor(weights, at::kDouble).view({static_cast<std::int64_t>(groups.size()), num_experts});
}

at::Tensor weighted_mean_rows(const RouterInput& input) {
  const SingleThread single;
  const at::Tensor weights_GE = membership_weights(input.groups, input.router_ED.size(0));
  at::Tensor rows_GD = weights_GE.mm(input.router_ED.to(at::kDouble)).to(at::kFloat);
  keep_single_rows_(rows_GD, input);
  return rows_GD;
}

}  // namespace uncurl::prune
