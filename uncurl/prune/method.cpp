#include "uncurl/prune/method.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "uncurl/base/error.h"

namespace uncurl::prune {

std::vector<double> plain(const at::Tensor& values_E) {
  const at::Tensor values = values_E.to(at::kDouble).contiguous();
  const auto* const data = values.const_data_ptr<double>();
  return {data, data + values.numel()};
}

std::vector<double> mean_by_use(const at::Tensor& sum_E, const LayerSummary& layer) {
  const at::Tensor& count_E = layer.sums.count;
  return plain(at::where(count_E > 0, sum_E / count_E, at::zeros_like(sum_E)));
}

std::vector<int> protected_experts(const MethodOptions& options, std::int64_t layer, std::int64_t num_experts,
                                   std::int64_t num_experts_after) {
  const auto found = options.protect.find(layer);
  if (found == options.protect.end() || found->second.empty()) return {};
  std::vector<int> experts = found->second;
  std::sort(experts.begin(), experts.end());
  experts.erase(std::unique(experts.begin(), experts.end()), experts.end());
  const int outside = experts.front() < 0 ? experts.front() : experts.back();
  check(outside >= 0 && outside < num_experts, "--protect ", layer, ":", outside, ": layer ", layer,
        " has experts 0 to ", num_experts - 1);
  check(static_cast<std::int64_t>(experts.size()) <= num_experts_after, "layer ", layer, ": ", experts.size(),
        " experts are protected, more than the ", num_experts_after, " that are kept");
  return experts;
}

std::vector<int> protected_experts(const MethodInput& input, const LayerSummary& layer) {
  return protected_experts(input.options, layer.layer, layer.num_experts(), input.num_experts_after);
}

Groups keep_highest(const std::vector<double>& scores, const MethodInput& input, const LayerSummary& layer) {
  const std::vector<int> protect = protected_experts(input, layer);
  std::vector<bool> first(scores.size(), false);
  for (const int expert : protect) first[static_cast<std::size_t>(expert)] = true;
  for (std::size_t e = 0; e < scores.size(); ++e) {
    check(!std::isnan(scores[e]), "layer ", layer.layer, ": the score of expert ", e,
          " is not a number; its statistics overflow. Observe again with --dtype f32");
  }
  std::vector<int> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    const auto i = static_cast<std::size_t>(a), j = static_cast<std::size_t>(b);
    return first[i] != first[j] ? first[i] : scores[i] > scores[j];
  });
  Groups groups;
  for (std::int64_t g = 0; g < input.num_experts_after; ++g) {
    groups.push_back(single_group(order[static_cast<std::size_t>(g)]));
  }
  return groups;
}

ExpertGroup weighted_group(std::vector<int> members, const LayerSummary& layer) {
  const std::vector<double> counts = plain(layer.sums.count), gates = plain(layer.sums.gate_sum);
  std::sort(members.begin(), members.end());
  ExpertGroup group{.members = members, .anchor = members.front()};
  double total = 0;
  for (const int member : members) {
    const auto m = static_cast<std::size_t>(member), a = static_cast<std::size_t>(group.anchor);
    if (counts[m] > counts[a] || (counts[m] == counts[a] && gates[m] > gates[a])) group.anchor = member;
    total += counts[m];
  }
  for (const int member : members) {
    const double share =
        total > 0 ? counts[static_cast<std::size_t>(member)] / total : 1.0 / static_cast<double>(members.size());
    group.weights.push_back(share);
  }
  return group;
}

at::Tensor layer_affinity(const LayerSummary& layer, const cluster::AffinityOptions& options) {
  return with_context(concat("layer ", layer.layer), [&] {
    return cluster::router_affinity(layer.sums.gram, layer.sums.logit_sum, layer.sums.num_tokens, options);
  });
}

}  // namespace uncurl::prune
