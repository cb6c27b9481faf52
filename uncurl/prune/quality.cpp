#include "uncurl/prune/quality.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "uncurl/nn/linear.h"
#include "uncurl/nn/loss.h"

namespace uncurl::prune {
namespace {

constexpr std::int64_t kLogitsAtOnce = std::int64_t{1}
                                       << 25;  // 128 MB a buffer: chunks of rows whatever the vocabulary

/// Sums of one held-out row.
struct RowSums {
  double tokens = 0, loss_original = 0, loss_pruned = 0, kl = 0, agrees = 0;
};

double sum(const Tensor& values_N, std::int64_t begin, std::int64_t end) {
  const auto* const data = values_N.const_data_ptr<double>();
  double total = 0;  // in order: the same bits whatever the number of threads
  for (std::int64_t i = begin; i < end; ++i) total += data[i];
  return total;
}

/// Tokens [begin, end) of one row that are followed by another token of it.
void add_tokens(RowSums& sums, const HeldOut& held_out, const Tensor& original_head, const Tensor& pruned_head,
                const Tensor& pruned_ND, std::int64_t begin, std::int64_t end) {
  const std::int64_t count = end - begin;
  const nn::TokenDivergence divergence = nn::token_divergence(
      nn::linear(held_out.final_ND.narrow(0, begin, count), original_head),
      nn::linear(pruned_ND.narrow(0, begin, count), pruned_head), held_out.rows.ids_N.narrow(0, begin + 1, count));
  sums.tokens += static_cast<double>(count);
  sums.loss_original += sum(divergence.loss_original, 0, count);
  sums.loss_pruned += sum(divergence.loss_other, 0, count);
  sums.kl += sum(divergence.kl, 0, count);
  sums.agrees += sum(divergence.agrees, 0, count);
}

std::vector<RowSums> compare_rows(const HeldOut& held_out, const Tensor& original_head, const Tensor& pruned_head,
                                  const Tensor& pruned_ND) {
  const c10::InferenceMode inference;
  const std::int64_t chunk = std::max<std::int64_t>(1, kLogitsAtOnce / original_head.size(0));
  std::vector<RowSums> rows;
  for (std::size_t r = 0; r + 1 < held_out.rows.begins.size(); ++r) {
    RowSums sums;
    const std::int64_t last = held_out.rows.begins[r + 1] - 1;  // its successor belongs to another row
    for (std::int64_t begin = held_out.rows.begins[r]; begin < last; begin += chunk) {
      add_tokens(sums, held_out, original_head, pruned_head, pruned_ND, begin, std::min(begin + chunk, last));
    }
    rows.push_back(sums);
  }
  return rows;
}

Quality summarize(const std::string& source, const std::vector<RowSums>& rows) {
  const auto estimate = [&](double RowSums::*numerator) {
    std::vector<double> numerators, tokens;
    for (const RowSums& row : rows) {
      numerators.push_back(row.*numerator);
      tokens.push_back(row.tokens);
    }
    return math::ratio_estimate(numerators, tokens);
  };
  Quality quality{.source = source,
                  .loss_original = estimate(&RowSums::loss_original),
                  .loss_pruned = estimate(&RowSums::loss_pruned),
                  .kl = estimate(&RowSums::kl),
                  .agreement = estimate(&RowSums::agrees)};
  for (const RowSums& row : rows) quality.num_tokens += static_cast<std::int64_t>(row.tokens);
  return quality;
}

std::vector<Quality> by_source(const std::vector<RowSums>& rows, const RoutingStats& stats) {
  std::vector<Quality> qualities;
  if (rows.empty()) return qualities;
  for (std::size_t s = 0; s < stats.held_out.source_names.size(); ++s) {
    std::vector<RowSums> own;
    for (std::size_t r = 0; r < rows.size(); ++r) {
      if (stats.held_out.source_of_row[r] == static_cast<std::int64_t>(s)) own.push_back(rows[r]);
    }
    if (!own.empty()) qualities.push_back(summarize(stats.held_out.source_names[s], own));
  }
  if (qualities.size() > 1) qualities.push_back(summarize("all", rows));
  return qualities;
}

std::vector<Quality> measure(const model::LayerStream& original, const model::LayerStream& pruned,
                             const model::SweepOptions& sweep, const RoutingStats& stats, const Listener& listener) {
  const HeldOut& held_out = stats.held_out;
  if (held_out.rows.num_rows() == 0) return {};
  Tensor hidden_ND = pruned.embed(held_out.rows.ids_N);
  model::sweep_layers_(hidden_ND, held_out.rows, pruned, sweep, nullptr, listener);
  const Tensor final_ND = pruned.final_norm(hidden_ND);
  return by_source(compare_rows(held_out, original.head(), pruned.head(), final_ND), stats);
}

Json estimate_json(const math::Estimate& estimate) {
  Json json = {{"mean", estimate.mean}, {"low", nullptr}, {"high", nullptr}};  // one row has no interval
  if (std::isfinite(estimate.low)) json["low"] = estimate.low;
  if (std::isfinite(estimate.high)) json["high"] = estimate.high;
  return json;
}

}  // namespace

std::vector<Quality> measure_checkpoint(const model::LayerStream& original, const model::LayerStream& pruned,
                                        const RoutingStats& stats, const Listener& listener) {
  return measure(original, pruned, {.label = "measuring"}, stats, listener);
}

std::vector<Quality> measure_plan(const model::LayerStream& original, const Plan& plan,
                                  const std::vector<LayerSummary>& layers, const RoutingStats& stats,
                                  const Listener& listener) {
  model::SweepOptions sweep{.label = "trying"};
  sweep.edit = [&](model::LayerWeights weights, std::int64_t layer) {
    for (std::size_t i = 0; i < plan.layers.size(); ++i) {
      if (plan.layers[i].layer != layer) continue;
      PrunedLayer pruned = prune_layer(original.model(), plan, plan.layers[i], layers[i]);
      const at::ScalarType dtype = original.compute().dtype;
      weights.moe.router = pruned.router.to(dtype);
      weights.moe.experts.clear();
      for (const Expert& expert : pruned.experts) {
        weights.moe.experts.push_back({expert.gate.to(dtype), expert.up.to(dtype), expert.down.to(dtype)});
      }
      if (pruned.correction_bias.defined()) weights.moe.correction_bias = pruned.correction_bias.to(at::kFloat);
    }
    return weights;
  };
  return measure(original, original, sweep, stats, listener);
}

math::Estimate perplexity(const math::Estimate& loss) {
  return {std::exp(loss.mean), std::exp(loss.low), std::exp(loss.high), loss.n};
}

Json quality_json(const std::vector<Quality>& qualities) {
  Json json = Json::array();
  for (const Quality& quality : qualities) {
    json.push_back({{"source", quality.source},
                    {"tokens", quality.num_tokens},
                    {"original", {{"perplexity", estimate_json(perplexity(quality.loss_original))}}},
                    {"pruned", {{"perplexity", estimate_json(perplexity(quality.loss_pruned))}}},
                    {"kl", estimate_json(quality.kl)},
                    {"top1_agreement", estimate_json(quality.agreement)}});
  }
  return json;
}

}  // namespace uncurl::prune
