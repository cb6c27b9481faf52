#include "uncurl/study/sweep/cross_task.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "uncurl/base/error.h"
#include "uncurl/prune/method.h"

namespace uncurl::study {

prune::RoutingStats only_source(const prune::RoutingStats& stats, std::size_t source) {
  check(source < stats.sources.size(), "there is no source ", source, " among ", stats.sources.size());
  prune::RoutingStats own = stats;
  own.sources = {stats.sources[source]};
  own.sources.front().weight.reset();
  const at::Tensor tokens = (stats.sample_source == static_cast<std::int64_t>(source)).nonzero().view({-1});
  own.sample_tokens = stats.sample_tokens.index_select(0, tokens);
  own.sample_source = at::zeros({tokens.size(0)}, at::kLong);
  for (prune::LayerStats& layer : own.layers) {
    layer.sources = {layer.sources[source]};
    layer.sample_logits = layer.sample_logits.index_select(0, tokens);
    if (layer.sample_inputs.defined()) {  // of the first of the sampled tokens
      const at::Tensor kept = tokens.masked_select(tokens < layer.sample_inputs.size(0));
      layer.sample_inputs = kept.size(0) > 0 ? layer.sample_inputs.index_select(0, kept) : at::Tensor();
    }
  }
  return own;
}

std::vector<double> usage_shares(const prune::LayerStats& layer, std::size_t source) {
  const at::Tensor& count = layer.sources[source].count;
  return prune::plain(count / count.sum());
}

std::vector<std::vector<double>> usage_overlap(const prune::RoutingStats& stats) {
  const std::size_t num_sources = stats.sources.size();
  std::vector<std::vector<double>> overlap(num_sources, std::vector<double>(num_sources, 0.0));
  for (const prune::LayerStats& layer : stats.layers) {
    std::vector<std::vector<double>> shares;
    for (std::size_t s = 0; s < num_sources; ++s) shares.push_back(usage_shares(layer, s));
    for (std::size_t a = 0; a < num_sources; ++a) {
      for (std::size_t b = 0; b < num_sources; ++b) {
        double common = 0;
        for (std::size_t e = 0; e < shares[a].size(); ++e) common += std::min(shares[a][e], shares[b][e]);
        overlap[a][b] += common / static_cast<double>(stats.layers.size());
      }
    }
  }
  return overlap;
}

}  // namespace uncurl::study
