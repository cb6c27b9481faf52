#include "uncurl/prune/quality.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "uncurl/base/error.h"
#include "uncurl/math/paired.h"
#include "uncurl/nn/linear.h"
#include "uncurl/nn/loss.h"

namespace uncurl::prune {
namespace {

/// Tokens that are followed by another token of their row, and the row of each.
struct Predicted {
  std::vector<std::int64_t> tokens;
  std::vector<std::size_t> rows;
};

Predicted predicted_tokens(const model::PackedRows& rows) {
  Predicted predicted;
  for (std::size_t r = 0; r + 1 < rows.begins.size(); ++r) {
    for (std::int64_t token = rows.begins[r]; token + 1 < rows.begins[r + 1]; ++token) {
      predicted.tokens.push_back(token);
      predicted.rows.push_back(r);
    }
  }
  return predicted;
}

/// Sums in the order of the tokens, so that the number of threads changes no bit.
void add_(std::vector<RowSums>& sums, const nn::TokenDivergence& divergence, std::span<const std::size_t> rows) {
  const auto* const original = divergence.loss_original.const_data_ptr<double>();
  const auto* const pruned = divergence.loss_other.const_data_ptr<double>();
  const auto* const kl = divergence.kl.const_data_ptr<double>();
  const auto* const agrees = divergence.agrees.const_data_ptr<double>();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    RowSums& row = sums[rows[i]];
    row.tokens += 1;
    row.loss_original += original[i];
    row.loss_pruned += pruned[i];
    row.kl += kl[i];
    row.agrees += agrees[i];
  }
}

/// All held-out rows, by chunks of tokens of one size (the last is smaller).
std::vector<RowSums> compare_rows(const HeldOut& held_out, const Tensor& original_head, const Tensor& pruned_head,
                                  const Tensor& pruned_ND) {
  const c10::InferenceMode inference;
  const Predicted predicted = predicted_tokens(held_out.rows);
  const auto chunk = static_cast<std::size_t>(std::max<std::int64_t>(1, kLogitsAtOnce / original_head.size(0)));
  std::vector<RowSums> sums(static_cast<std::size_t>(held_out.rows.num_rows()));
  for (std::size_t begin = 0; begin < predicted.tokens.size(); begin += chunk) {
    const std::size_t end = std::min(begin + chunk, predicted.tokens.size());
    const std::vector<std::int64_t> part(predicted.tokens.begin() + static_cast<std::ptrdiff_t>(begin),
                                         predicted.tokens.begin() + static_cast<std::ptrdiff_t>(end));
    const Tensor tokens = at::tensor(part, at::kLong);
    const auto logits = [&](const Tensor& final_ND, const Tensor& head) {
      return nn::linear(final_ND.index_select(0, tokens), head);
    };
    add_(sums,
         nn::token_divergence(logits(held_out.final_ND, original_head), logits(pruned_ND, pruned_head),
                              held_out.rows.ids_N.index_select(0, tokens + 1)),
         std::span(predicted.rows).subspan(begin, end - begin));
  }
  return sums;
}

Quality summarize(const std::string& source, const std::vector<RowSums>& rows) {
  const auto estimate = [&](double RowSums::*numerator, auto of_sums) {
    std::vector<double> numerators, tokens;
    for (const RowSums& row : rows) {
      numerators.push_back(row.*numerator);
      tokens.push_back(row.tokens);
    }
    return of_sums(numerators, tokens);
  };
  Quality quality{.source = source,
                  .loss_original = estimate(&RowSums::loss_original, math::ratio_estimate),
                  .loss_pruned = estimate(&RowSums::loss_pruned, math::ratio_estimate),
                  .kl = estimate(&RowSums::kl, math::ratio_estimate),
                  .agreement = estimate(&RowSums::agrees, math::share_estimate)};
  for (const RowSums& row : rows) quality.num_tokens += static_cast<std::int64_t>(row.tokens);
  return quality;
}

std::vector<RowSums> measure(const model::LayerStream& original, const model::LayerStream& pruned,
                             const model::SweepOptions& sweep, const RoutingStats& stats, const Listener& listener) {
  const HeldOut& held_out = stats.held_out;
  if (held_out.rows.num_rows() == 0) return {};
  Tensor hidden_ND = pruned.embed(held_out.rows);
  model::sweep_layers_(hidden_ND, held_out.rows, pruned, sweep, nullptr, listener);
  const Tensor final_ND = pruned.final_norm(hidden_ND);
  return compare_rows(held_out, original.head(), pruned.head(), final_ND);
}

/// @throws Error naming the row and the model whose logits are to blame
void check_finite(const RowSums& sums, std::size_t row, const HeldOut& held_out) {
  const auto expect = [&](double loss, const char* model, const char* way_out) {
    check(std::isfinite(loss), "held-out row ", row + 1, " (of ",
          held_out.source_names[static_cast<std::size_t>(held_out.source_of_row[row])], "): the logits of the ", model,
          " hold NaN or infinite values, so nothing can be measured; ", way_out);
  };
  expect(sums.loss_original, "original model", "compute in f32 (--dtype f32), or look for the row that overflows");
  expect(sums.loss_pruned, "pruned model", "compute in f32 (--dtype f32), or prune by another method");
}

Json estimate_json(const math::Estimate& estimate) {
  Json json = {{"mean", estimate.mean}, {"low", nullptr}, {"high", nullptr}};  // one row has no interval
  if (std::isfinite(estimate.low)) json["low"] = estimate.low;
  if (std::isfinite(estimate.high)) json["high"] = estimate.high;
  return json;
}

}  // namespace

std::vector<Quality> summarize_rows(const std::vector<RowSums>& rows, const HeldOut& held_out) {
  std::vector<Quality> qualities;
  if (rows.empty()) return qualities;
  for (std::size_t r = 0; r < rows.size(); ++r) check_finite(rows[r], r, held_out);
  for (std::size_t s = 0; s < held_out.source_names.size(); ++s) {
    std::vector<RowSums> own;
    for (std::size_t r = 0; r < rows.size(); ++r) {
      if (held_out.source_of_row[r] == static_cast<std::int64_t>(s)) own.push_back(rows[r]);
    }
    if (!own.empty()) qualities.push_back(summarize(held_out.source_names[s], own));
  }
  if (qualities.size() > 1) qualities.push_back(summarize("all", rows));
  return qualities;
}

std::vector<Quality> measure_checkpoint(const model::LayerStream& original, const model::LayerStream& pruned,
                                        const RoutingStats& stats, const Listener& listener) {
  return summarize_rows(measure(original, pruned, {.label = "measuring"}, stats, listener), stats.held_out);
}

model::LayerWeights with_pruned(model::LayerWeights weights, const PrunedLayer& pruned) {
  const auto options = weights.moe.router.options();  // of all weights of a stream, whatever they are stored in
  weights.moe.router = pruned.router.to(options);
  weights.moe.expert_of_row = pruned.expert_of_row;
  weights.moe.experts.clear();
  for (const Expert& kept : pruned.experts) {
    weights.moe.experts.push_back(
        model::with_each_tensor(kept, [&](const Tensor& tensor) { return tensor.to(options); }));
  }
  if (pruned.correction_bias.defined())
    weights.moe.correction_bias = pruned.correction_bias.to(options.dtype(at::kFloat));
  return weights;
}

std::function<model::LayerWeights(model::LayerWeights, std::int64_t)> plan_edit(
    const model::Model& model, const Plan& plan, const std::vector<LayerSummary>& layers) {
  return [&model, &plan, &layers](model::LayerWeights weights, std::int64_t layer) {
    for (std::size_t i = 0; i < plan.layers.size(); ++i) {
      if (plan.layers[i].layer != layer) continue;
      return with_pruned(std::move(weights), prune_layer(model, plan, plan.layers[i], layers[i]));
    }
    return weights;
  };
}

std::vector<Quality> measure_plan(const model::LayerStream& original, const Plan& plan,
                                  const std::vector<LayerSummary>& layers, const RoutingStats& stats,
                                  const Listener& listener) {
  return summarize_rows(measure_plan_by_row(original, plan, layers, stats, listener), stats.held_out);
}

std::vector<RowSums> measure_plan_by_row(const model::LayerStream& original, const Plan& plan,
                                         const std::vector<LayerSummary>& layers, const RoutingStats& stats,
                                         const Listener& listener) {
  model::SweepOptions sweep{.label = "trying", .edited = model::LayerPart::kWithoutExperts};
  sweep.edit = plan_edit(original.model(), plan, layers);
  return measure(original, original, sweep, stats, listener);
}

std::vector<RowSums> measure_edit_by_row(const model::LayerStream& original, const model::EditFunction& edit,
                                         const RoutingStats& stats, const std::string& label,
                                         const Listener& listener) {
  model::SweepOptions sweep{.label = label};
  sweep.edit = edit;
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
