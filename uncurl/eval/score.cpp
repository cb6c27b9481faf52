#include "uncurl/eval/score.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "uncurl/base/error.h"
#include "uncurl/nn/linear.h"
#include "uncurl/nn/loss.h"
#include "uncurl/tensor/finite.h"
#include "uncurl/tensor/row_sums.h"

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

std::vector<Block> blocks_of(const PackedRequests& requests) {
  const auto* const positions = requests.positions_P.const_data_ptr<std::int64_t>();
  const std::int64_t num_positions = requests.positions_P.size(0);
  std::vector<Block> blocks;
  std::int64_t position = 0;
  for (const model::RowRange& range : model::row_chunks(requests.rows, kTokensAtOnce)) {
    Block block{range.first, range.end, position, position};
    const std::int64_t end_token = requests.rows.begins[static_cast<std::size_t>(range.end)];
    while (position < num_positions && positions[position] < end_token) ++position;
    block.end_position = position;
    blocks.push_back(block);
  }
  return blocks;
}

RunningBlock start_block(const model::LayerStream& stream, const PackedRequests& requests, const Block& block) {
  const c10::InferenceMode inference;
  model::PackedRows rows = model::slice_rows(requests.rows, block.first_row, block.end_row);
  Tensor hidden_ND = stream.embed(rows);
  const std::int64_t first_token = requests.rows.begins[static_cast<std::size_t>(block.first_row)];
  const auto name_of_row = [&requests, first_row = block.first_row](std::int64_t row) {
    return requests.names[requests.request_of_row[static_cast<std::size_t>(first_row + row)]];
  };
  return {std::move(rows), name_of_row, std::move(hidden_ND),
          requests.positions_P.slice(0, block.first_position, block.end_position) - first_token};
}

void check_block(const RunningBlock& running, std::int64_t layer) {
  check_hidden(running.hidden_ND, running.rows, layer, running.name_of_row);
}

Tensor finish_block(const model::LayerStream& stream, const RunningBlock& running) {
  const c10::InferenceMode inference;
  return stream.final_norm(running.hidden_ND.index_select(0, running.tokens_n));
}

Tensor final_hidden(const model::LayerStream& stream, const PackedRequests& requests, const Block& block,
                    const EditFunction& edit, const std::string& label, const Listener& listener) {
  const std::int64_t num_layers = stream.model().config.num_layers();
  const std::int64_t first_token = requests.rows.begins[static_cast<std::size_t>(block.first_row)];
  RunningBlock running = start_block(stream, requests, block);
  model::SweepOptions options{.label = label, .edit = edit};
  options.after_layer = [&running](std::int64_t layer) { check_block(running, layer); };
  model::sweep_layers_(running.hidden_ND, running.rows, stream, options, nullptr,
                       part_of(listener, first_token * num_layers, requests.rows.num_tokens() * num_layers));
  return finish_block(stream, running);
}

namespace {

/// @param logprob_n  of the judged tokens with the indices [n] among the Q
void check_scores(const Tensor& logprob_n, const Tensor& judged_n, const PackedRequests& requests,
                  at::ScalarType dtype) {
  if (all_finite(logprob_n)) return;
  const Tensor bad = judged_n.masked_select(logprob_n.isfinite().logical_not());
  const std::int64_t first = bad.min().item<std::int64_t>();
  const auto next = std::upper_bound(requests.begins.begin(), requests.begins.end(), first);
  const auto request = static_cast<std::size_t>(next - requests.begins.begin() - 1);
  fail_not_finite(requests.names[request],
                  concat("the log-likelihood of judged token ", first - requests.begins[request]), dtype);
}

}  // namespace

TokenScores empty_scores(const PackedRequests& requests) {
  return {at::empty({requests.num_scored()}, at::kDouble), at::empty({requests.num_scored()}, at::kBool)};
}

void add_scores_(TokenScores& scores, const Tensor& final_nD, const Tensor& head_VD, const PackedRequests& requests,
                 const Block& block) {
  const c10::InferenceMode inference;
  const auto [position_Q, order_Q] = requests.position_Q.sort(/*stable=*/true, /*dim=*/0, /*descending=*/false);
  for_each_chunk(final_nD.size(0), logits_rows(head_VD), [&](std::int64_t begin, std::int64_t end) {
    const Tensor logits_nV = nn::linear(final_nD.slice(0, begin, end), head_VD).to(at::kFloat);
    const Tensor row_Q = position_Q - (block.first_position + begin);
    const Tensor inside = row_Q.ge(0).logical_and(row_Q.lt(end - begin));
    const Tensor judged = order_Q.masked_select(inside), where = row_Q.masked_select(inside);
    const Tensor targets = requests.targets_Q.index_select(0, judged);
    const Tensor logprob = logits_nV.index({where, targets}) - log_sum_exp_of_rows(logits_nV).index_select(0, where);
    check_scores(logprob, judged, requests, final_nD.scalar_type());
    scores.logprob_Q.index_copy_(0, judged, logprob.to(at::kDouble));
    scores.greedy_Q.index_copy_(0, judged, logits_nV.argmax(-1).index_select(0, where).eq(targets));
  });
}

TokenComparison compare_tokens(const Tensor& original_nD, const Tensor& original_head_VD, const Tensor& other_nD,
                               const Tensor& other_head_VD, const Tensor& which) {
  const c10::InferenceMode inference;
  std::vector<Tensor> kl, agrees;
  for_each_chunk(which.size(0), logits_rows(original_head_VD), [&](std::int64_t begin, std::int64_t end) {
    const Tensor part = which.slice(0, begin, end);
    const auto logits = [&](const Tensor& final_nD, const Tensor& head) {
      return nn::linear(final_nD.index_select(0, part), head);
    };
    const nn::TokenDivergence divergence =
        nn::token_divergence(logits(original_nD, original_head_VD), logits(other_nD, other_head_VD),
                             at::zeros({end - begin}, at::kLong));  // the losses of token 0, which nobody asks for
    kl.push_back(divergence.kl);
    agrees.push_back(divergence.agrees);
  });
  return {at::cat(kl), at::cat(agrees)};
}

}  // namespace uncurl::eval
