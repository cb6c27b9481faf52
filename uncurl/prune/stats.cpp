#include "uncurl/prune/stats.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "uncurl/base/error.h"

namespace uncurl::prune {

ExpertSums zero_sums(std::int64_t num_experts) {
  ExpertSums sums;
  for_each_sum(sums, [&](const char*, Tensor& sum, bool) { sum = at::zeros({num_experts}, at::kDouble); });
  sums.gram = at::zeros({num_experts, num_experts}, at::kDouble);
  return sums;
}

void for_each_sum(ExpertSums& sums, const std::function<void(const char*, Tensor&, bool)>& visit) {
  visit("gram", sums.gram, false);
  visit("logit_sum", sums.logit_sum, false);
  visit("score_sum", sums.score_sum, false);
  visit("count", sums.count, false);
  visit("gate_sum", sums.gate_sum, false);
  visit("norm_sum", sums.norm_sum, false);
  visit("norm_square_sum", sums.norm_square_sum, false);
  visit("gate_norm_sum", sums.gate_norm_sum, false);
  visit("renormalized_gate_norm_sum", sums.renormalized_gate_norm_sum, false);
  visit("change_gate_norm_sum", sums.change_gate_norm_sum, false);
  visit("norm_max", sums.norm_max, true);
}

std::int64_t stats_bytes(const model::ModelConfig& config, const StatsSize& size, at::ScalarType dtype) {
  std::int64_t vectors = -1;  // the gram matrix is none
  ExpertSums unused;
  for_each_sum(unused, [&](const char*, Tensor&, bool) { ++vectors; });
  const std::int64_t inputs = std::min(size.input_tokens, size.num_tokens) * config.hidden_size *
                              static_cast<std::int64_t>(at::elementSize(dtype));
  std::int64_t bytes = 0;
  for (const model::LayerKind& kind : config.layers) {
    if (!kind.moe) continue;
    const std::int64_t experts = kind.num_experts;
    bytes += size.num_sources * 8 * (experts * experts + vectors * experts) +
             std::min(size.sample_tokens, size.num_tokens) * experts * 4 + inputs;
  }
  return bytes;
}

std::vector<double> mixture_factors(const RoutingStats& stats, const std::vector<double>& weights) {
  const std::size_t num_sources = stats.sources.size();
  std::vector<double> chosen = weights;
  if (chosen.empty()) {
    for (const SourceInfo& source : stats.sources) {
      if (source.weight) chosen.push_back(*source.weight);
    }
    check(chosen.empty() || chosen.size() == num_sources, "only ", chosen.size(), " of ", num_sources,
          " sources have a weight; give one to each, or to none (then tokens count)");
  }
  check(chosen.empty() || chosen.size() == num_sources, "found ", chosen.size(), " weights for ", num_sources,
        " sources; give one to each, in their order");
  std::vector<double> tokens;
  for (const SourceInfo& source : stats.sources) tokens.push_back(static_cast<double>(source.num_tokens));
  if (chosen.empty()) return std::vector<double>(num_sources, 1.0);
  const double total_weight = std::accumulate(chosen.begin(), chosen.end(), 0.0);
  const double total_tokens = std::accumulate(tokens.begin(), tokens.end(), 0.0);
  std::vector<double> factors;
  for (std::size_t s = 0; s < num_sources; ++s) {
    check(std::isfinite(chosen[s]) && chosen[s] > 0, "source '", stats.sources[s].name, "' has weight ", chosen[s],
          ", expected a positive number");
    factors.push_back(chosen[s] / total_weight * total_tokens / tokens[s]);
  }
  return factors;
}

LayerSummary mix(const LayerStats& layer, const Tensor& sample_source, const std::vector<double>& factors) {
  LayerSummary summary{.layer = layer.layer,
                       .sums = zero_sums(layer.sources.front().count.size(0)),
                       .sample_logits = layer.sample_logits,
                       .sample_inputs = layer.sample_inputs};
  for (std::size_t s = 0; s < factors.size(); ++s) {
    ExpertSums source = layer.sources[s];
    std::vector<Tensor> parts;
    for_each_sum(source, [&](const char*, Tensor& sum, bool) { parts.push_back(sum); });
    std::size_t next = 0;
    for_each_sum(summary.sums, [&](const char*, Tensor& sum, bool is_maximum) {
      const Tensor& part = parts[next++];
      sum = is_maximum ? at::maximum(sum, part) : sum + part * factors[s];
    });
    summary.sums.num_tokens += source.num_tokens * factors[s];
  }
  summary.sample_weights = at::tensor(factors, at::kDouble).index_select(0, sample_source);
  return summary;
}

std::vector<LayerSummary> mix_all(const RoutingStats& stats, const std::vector<double>& weights) {
  const std::vector<double> factors = mixture_factors(stats, weights);
  std::vector<LayerSummary> summaries;
  for (const LayerStats& layer : stats.layers) summaries.push_back(mix(layer, stats.sample_source, factors));
  return summaries;
}

}  // namespace uncurl::prune
