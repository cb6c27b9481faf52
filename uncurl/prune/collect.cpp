#include "uncurl/prune/collect.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <mutex>

#include "uncurl/base/error.h"
#include "uncurl/kernels/parallel_tasks.h"
#include "uncurl/kernels/sum_in_order.h"
#include "uncurl/tensor/finite.h"
#include "uncurl/tensor/threads.h"

namespace uncurl::prune {
namespace {

void check_logits(const Tensor& logits_NE, std::int64_t layer) {
  if (all_finite(logits_NE.contiguous())) return;
  const Tensor bad = at::nonzero(at::isfinite(logits_NE).all(0).logical_not());
  fail("layer ", layer, ", expert ", bad[0][0].item<std::int64_t>(),
       ": its router logit is NaN or infinite for some token; the checkpoint is damaged or overflows in this dtype "
       "(try --dtype f32)");
}

/// How far the routed experts turn the residual stream of tokens [begin, end): 1 - cos(u, u + r), at least 0. [N] fp64
Tensor turn_of_stream(const model::MoeCall& call, std::int64_t begin, std::int64_t end) {
  constexpr double kTiny = 1e-300;  // a stream of zeros has no direction: its cosine is 0
  const Tensor before_ND = call.residual_ND.slice(0, begin, end).to(at::kDouble);
  const Tensor after_ND = before_ND + call.routed_ND.slice(0, begin, end).to(at::kDouble);
  const Tensor squares_N = at::linalg_vecdot(before_ND, before_ND) * at::linalg_vecdot(after_ND, after_ND);
  const Tensor cosines_N = at::linalg_vecdot(before_ND, after_ND) / squares_N.sqrt().clamp_min(kTiny);
  return (1 - cosines_N).clamp_min(0);
}

/// What tokens [begin, end) of the call contribute to their source.
ExpertSums sums_of_tokens(const model::MoeCall& call, std::int64_t begin, std::int64_t end) {
  const auto part = [&](const Tensor& t) { return t.slice(0, begin, end); };
  ExpertSums sums = zero_sums(call.logits_NE.size(1));
  const Tensor logits_NE = part(call.logits_NE).to(at::kDouble);
  sums.gram = at::matmul(logits_NE.t(), logits_NE);
  sums.logit_sum = logits_NE.sum(0);
  sums.score_sum = part(call.routing.scores_NE).sum(0, /*keepdim=*/false, at::kDouble);

  const Tensor ids = part(call.routing.ids_NK).reshape({-1});
  const Tensor gates_NK = part(call.routing.gates_NK).to(at::kDouble);
  const Tensor norms_NK = part(call.norms_NK).to(at::kDouble);
  const Tensor renormalized_NK = gates_NK / gates_NK.sum(-1, /*keepdim=*/true);
  const auto add = [&](Tensor& sum, const Tensor& values_NK) { sum.index_add_(0, ids, values_NK.reshape({-1})); };
  add(sums.count, at::ones_like(gates_NK));
  add(sums.gate_sum, gates_NK);
  add(sums.norm_sum, norms_NK);
  add(sums.norm_square_sum, norms_NK.square());
  add(sums.gate_norm_sum, gates_NK * norms_NK);
  add(sums.renormalized_gate_norm_sum, renormalized_NK * norms_NK);
  add(sums.change_gate_norm_sum, turn_of_stream(call, begin, end).unsqueeze(1) * gates_NK * norms_NK);
  sums.norm_max.scatter_reduce_(0, ids, norms_NK.reshape({-1}), "amax");
  sums.num_tokens = static_cast<double>(end - begin);
  return sums;
}

/// Adds up what blocks of one source say, in the order of their numbers, whoever brings them when.
class BlockSums {
 public:
  void add(std::size_t number, ExpertSums block) {
    std::vector<Tensor> terms, maxima;
    for_each_sum(block, [&](const char*, Tensor& sum, bool is_maximum) {
      (is_maximum ? maxima : terms).push_back(std::move(sum));
    });
    sums_.add(number, std::move(terms));
    const std::lock_guard lock(maxima_mutex_);
    maxima_.insert(maxima_.end(), maxima.begin(), maxima.end());
  }

  void add_to(ExpertSums& total) {
    const std::vector<Tensor> terms = sums_.take();
    auto term = terms.begin();
    for_each_sum(total, [&](const char*, Tensor& sum, bool is_maximum) {
      if (!is_maximum) sum += *term++;
    });
    for (const Tensor& maximum : maxima_) total.norm_max = at::maximum(total.norm_max, maximum);
  }

 private:
  kernels::SumInOrder sums_;
  std::mutex maxima_mutex_;
  std::vector<Tensor> maxima_;  ///< in any order: a maximum has no other
};

/// Adds what tokens [begin, end) of the call contribute to their source: fixed blocks over the threads.
void add_tokens(const model::MoeCall& call, std::int64_t begin, std::int64_t end, ExpertSums& sums) {
  const std::int64_t num_blocks = (end - begin + kBlockTokens - 1) / kBlockTokens;
  BlockSums blocks;
  kernels::run_tasks(static_cast<std::size_t>(num_blocks), [&] {
    return [&](std::size_t block) {
      const std::int64_t first = begin + static_cast<std::int64_t>(block) * kBlockTokens;
      blocks.add(block, sums_of_tokens(call, first, std::min(first + kBlockTokens, end)));
    };
  });
  const SingleThread single;  // small sums
  blocks.add_to(sums);
  sums.num_tokens += static_cast<double>(end - begin);
}

}  // namespace

StatsCollector::StatsCollector(std::vector<Segment> segments, std::size_t num_sources,
                               const std::vector<std::int64_t>& sample, std::int64_t input_tokens,
                               std::vector<std::int64_t> experts_of_layer)
    : segments_(std::move(segments)),
      num_sources_(num_sources),
      input_tokens_(std::min(input_tokens, static_cast<std::int64_t>(sample.size()))),
      experts_of_layer_(std::move(experts_of_layer)) {
  for (const std::int64_t token : sample) sample_.push_back({token, static_cast<std::int64_t>(sample_.size())});
  std::sort(sample_.begin(), sample_.end(),
            [](const SampledToken& a, const SampledToken& b) { return a.token < b.token; });
}

LayerStats& StatsCollector::layer_stats(const model::MoeCall& call) {
  if (layers_.empty() || layers_.back().layer != call.layer) {
    const std::int64_t num_experts = experts_of_layer_[static_cast<std::size_t>(call.layer)];
    LayerStats stats{.layer = call.layer};
    for (std::size_t s = 0; s < num_sources_; ++s) stats.sources.push_back(zero_sums(num_experts));
    stats.sample_logits = at::zeros({static_cast<std::int64_t>(sample_.size()), num_experts}, at::kFloat);
    if (input_tokens_ > 0) {
      stats.sample_inputs = at::zeros({input_tokens_, call.inputs_ND.size(1)}, call.inputs_ND.options());
    }
    layers_.push_back(std::move(stats));
  }
  return layers_.back();
}

void StatsCollector::keep_sample(const model::MoeCall& call, LayerStats& stats) const {
  const auto token_before = [](const SampledToken& sampled, std::int64_t token) { return sampled.token < token; };
  const auto first = std::lower_bound(sample_.begin(), sample_.end(), call.first_token, token_before);
  const auto last = std::lower_bound(first, sample_.end(), call.first_token + call.logits_NE.size(0), token_before);
  const auto keep = [&](Tensor& kept, const Tensor& values) {  // the rows that `kept` has
    std::vector<std::int64_t> from, to;
    for (auto sampled = first; sampled != last; ++sampled) {
      if (sampled->row >= kept.size(0)) continue;
      from.push_back(sampled->token - call.first_token);
      to.push_back(sampled->row);
    }
    if (from.empty()) return;
    const Tensor rows = values.index_select(0, at::tensor(from, at::kLong)).to(kept.scalar_type());
    kept.index_copy_(0, at::tensor(to, at::kLong), rows);
  };
  keep(stats.sample_logits, call.logits_NE);
  if (stats.sample_inputs.defined()) keep(stats.sample_inputs, call.inputs_ND);
}

void StatsCollector::observe(const model::MoeCall& call) {
  check_logits(call.logits_NE, call.layer);
  LayerStats& stats = layer_stats(call);
  const std::int64_t call_end = call.first_token + call.logits_NE.size(0);
  for (const Segment& segment : segments_) {
    const std::int64_t begin = std::max(segment.begin, call.first_token), end = std::min(segment.end, call_end);
    if (begin < end) add_tokens(call, begin - call.first_token, end - call.first_token, stats.sources[segment.source]);
  }
  keep_sample(call, stats);
}

}  // namespace uncurl::prune
