#include "uncurl/eval/score.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "uncurl/nn/linear.h"
#include "uncurl/nn/loss.h"

namespace uncurl::eval {
namespace {

constexpr std::int64_t kLogitsAtOnce = std::int64_t{1} << 23;  // 32 MB a buffer, whatever the vocabulary

// Enough that reading the weights of a layer costs little beside running the tokens through it.
constexpr std::int64_t kTokensAtOnce = std::int64_t{1} << 17;

/// Progress of one part of the rows as progress of them all.
Listener part_of(const Listener& whole, std::int64_t done_before, std::int64_t total) {
  Listener part = whole;
  part.on_progress = [&whole, done_before, total](const Progress& step) {
    whole.progress({step.label, step.unit, done_before + step.done, total});
  };
  return part;
}

/// Calls body(begin, end) for runs of `size` indices.
void for_each_chunk(std::int64_t total, std::int64_t size,
                    const std::function<void(std::int64_t, std::int64_t)>& body) {
  for (std::int64_t begin = 0; begin < total; begin += size) body(begin, std::min(begin + size, total));
}

std::int64_t logits_rows(const Tensor& head_VD) { return std::max<std::int64_t>(1, kLogitsAtOnce / head_VD.size(0)); }

}  // namespace

Tensor final_hidden(const model::LayerStream& stream, const PackedRequests& requests, const EditFunction& edit,
                    const std::string& label, const Listener& listener) {
  const c10::InferenceMode inference;
  const model::PackedRows& rows = requests.rows;
  const std::int64_t num_layers = stream.model().config.num_layers();
  std::vector<Tensor> parts;
  for (const model::RowRange& range : model::row_chunks(rows, kTokensAtOnce)) {
    const model::PackedRows part = model::slice_rows(rows, range.first, range.end);
    const std::int64_t begin = rows.begins[static_cast<std::size_t>(range.first)];
    Tensor hidden_ND = stream.embed(part);
    model::sweep_layers_(hidden_ND, part, stream, {.label = label, .edit = edit}, nullptr,
                         part_of(listener, begin * num_layers, rows.num_tokens() * num_layers));
    const Tensor wanted = requests.positions_P.masked_select(
        requests.positions_P.ge(begin).logical_and(requests.positions_P.lt(begin + part.num_tokens())));
    parts.push_back(stream.final_norm(hidden_ND.index_select(0, wanted - begin)));
  }
  return at::cat(parts);
}

TokenScores token_scores(const Tensor& final_PD, const Tensor& head_VD, const PackedRequests& requests) {
  const c10::InferenceMode inference;
  const auto [position_Q, order_Q] = requests.position_Q.sort(/*stable=*/true, /*dim=*/0, /*descending=*/false);
  TokenScores scores{at::empty({requests.num_scored()}, at::kDouble), at::empty({requests.num_scored()}, at::kBool)};
  for_each_chunk(final_PD.size(0), logits_rows(head_VD), [&](std::int64_t begin, std::int64_t end) {
    const Tensor logits_nV = nn::linear(final_PD.slice(0, begin, end), head_VD).to(at::kFloat);
    const Tensor inside = position_Q.ge(begin).logical_and(position_Q.lt(end));
    const Tensor judged = order_Q.masked_select(inside), where = position_Q.masked_select(inside) - begin;
    const Tensor targets = requests.targets_Q.index_select(0, judged);
    const Tensor logprob = logits_nV.index({where, targets}) - logits_nV.logsumexp(-1).index_select(0, where);
    scores.logprob_Q.index_copy_(0, judged, logprob.to(at::kDouble));
    scores.greedy_Q.index_copy_(0, judged, logits_nV.argmax(-1).index_select(0, where).eq(targets));
  });
  return scores;
}

TokenComparison compare_tokens(const Tensor& original_PD, const Tensor& original_head_VD, const Tensor& other_PD,
                               const Tensor& other_head_VD, const Tensor& positions) {
  const c10::InferenceMode inference;
  std::vector<Tensor> kl, agrees;
  for_each_chunk(positions.size(0), logits_rows(original_head_VD), [&](std::int64_t begin, std::int64_t end) {
    const Tensor part = positions.slice(0, begin, end);
    const auto logits = [&](const Tensor& final_PD, const Tensor& head) {
      return nn::linear(final_PD.index_select(0, part), head);
    };
    const nn::TokenDivergence divergence =
        nn::token_divergence(logits(original_PD, original_head_VD), logits(other_PD, other_head_VD),
                             at::zeros({end - begin}, at::kLong));  // the losses of token 0, which nobody asks for
    kl.push_back(divergence.kl);
    agrees.push_back(divergence.agrees);
  });
  return {at::cat(kl), at::cat(agrees)};
}

TokenScores score_rows(const model::LayerStream& stream, const model::PackedRows& rows, const EditFunction& edit,
                       const Listener& listener) {
  const PackedRequests requests = whole_rows(rows);
  return token_scores(final_hidden(stream, requests, edit, "scoring", listener), stream.head(), requests);
}

}  // namespace uncurl::eval
