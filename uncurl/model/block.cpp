#include "uncurl/model/block.h"

#include <ATen/ATen.h>

#include <cmath>

#include "uncurl/base/error.h"
#include "uncurl/nn/attention.h"
#include "uncurl/nn/cached_attention.h"
#include "uncurl/nn/linear.h"
#include "uncurl/nn/norm.h"

namespace uncurl::model {
namespace {

/// Queries and keys are normed over each head (Qwen3) or over the whole projection (OLMoE): the weight's size tells.
Tensor norm_heads(const Tensor& x, const Tensor& weight, std::int64_t head_dim, double epsilon) {
  if (!weight.defined()) return x;
  const bool per_head = weight.size(0) == head_dim;
  return per_head ? nn::rms_norm(x.view({x.size(0), -1, head_dim}), weight, epsilon).view_as(x)
                  : nn::rms_norm(x, weight, epsilon);
}

/// Queries, keys and values by head, turned to their positions.
struct Projected {
  Tensor q_NHd, k_NHd, v_NHd;
};

Projected project(const Tensor& x_ND, const AttentionWeights& w, const BlockContext& context, const Tensor& where) {
  const ModelConfig& config = context.config;
  const auto clip = [&](const Tensor& x) {
    return config.clip_qkv > 0 ? x.clamp(-config.clip_qkv, config.clip_qkv) : x;
  };
  const auto heads = [&](const Tensor& x) { return x.view({x.size(0), -1, config.head_dim}); };
  const std::vector<Tensor> by_map = nn::linears(x_ND, {{w.q, w.q_bias}, {w.k, w.k_bias}, {w.v, w.v_bias}});
  const Tensor q = norm_heads(by_map[0], w.q_norm, config.head_dim, config.norm_epsilon);
  const Tensor k = norm_heads(by_map[1], w.k_norm, config.head_dim, config.norm_epsilon);
  const Tensor& v = by_map[2];
  const auto turn = [&](const Tensor& x) {
    return context.rope.cos.defined() ? nn::apply_rope(x, context.rope, where) : x;
  };
  return {turn(heads(clip(q))), turn(heads(clip(k))), heads(clip(v))};
}

double scale_of(const ModelConfig& config) { return 1.0 / std::sqrt(static_cast<double>(config.head_dim)); }

std::int64_t window_of(const BlockContext& context, std::int64_t layer) {
  return context.config.layers[static_cast<std::size_t>(layer)].window;
}

/// Rows that stand alone in runs, those that continue another one by one.
Tensor attend_in_tree(const Projected& x, const PackedRows& rows, double scale, std::int64_t window,
                      nn::Implementation implementation) {
  Tensor out_NHd = at::empty_like(x.q_NHd);
  const auto begin_of = [&](std::int64_t row) { return rows.begins[static_cast<std::size_t>(row)]; };
  for (std::int64_t row = 0; row < rows.num_rows();) {
    const Prefix prefix = rows.prefix(row);
    std::int64_t end = row + 1;
    while (prefix.row < 0 && end < rows.num_rows() && rows.prefix(end).row < 0) ++end;
    const std::int64_t begin = begin_of(row), length = begin_of(end) - begin;
    const auto part = [&](const Tensor& t) { return t.narrow(0, begin, length); };
    const auto with_prefix = [&](const Tensor& t) {
      return at::cat({t.narrow(0, begin_of(prefix.row), prefix.length), part(t)});
    };
    if (prefix.row < 0) {
      std::vector<std::int64_t> begins;
      for (std::int64_t r = row; r <= end; ++r) begins.push_back(begin_of(r) - begin);
      part(out_NHd).copy_(
          nn::attention(part(x.q_NHd), part(x.k_NHd), part(x.v_NHd), begins, scale, window, implementation));
    } else {
      part(out_NHd).copy_(
          nn::continued_attention(part(x.q_NHd), with_prefix(x.k_NHd), with_prefix(x.v_NHd), scale, window));
    }
    row = end;
  }
  return out_NHd;
}

Tensor run_attention(const Tensor& x_ND, const AttentionWeights& w, const BlockContext& context, std::int64_t layer,
                     const PackedRows& rows) {
  const Projected x = project(x_ND, w, context, positions(rows).to(x_ND.device()));
  if (context.cache != nullptr) context.cache->fill(layer, x.k_NHd, x.v_NHd, rows, context.first_sequence);
  const double scale = scale_of(context.config);
  const std::int64_t window = window_of(context, layer);
  const Tensor mixed_NHd = rows.prefixes.empty() ? nn::attention(x.q_NHd, x.k_NHd, x.v_NHd, rows.begins, scale, window,
                                                                 context.implementation)
                                                 : attend_in_tree(x, rows, scale, window, context.implementation);
  return nn::linear(mixed_NHd.reshape({x_ND.size(0), -1}), w.o, w.o_bias);
}

Tensor run_cached_attention(const Tensor& x_BD, const AttentionWeights& w, const BlockContext& context,
                            std::int64_t layer, KvCache& cache) {
  const Projected x = project(x_BD, w, context, cache.lengths_B());
  cache.append(layer, x.k_NHd, x.v_NHd);
  const Tensor mixed_BHd = nn::cached_attention(x.q_NHd, cache.keys(layer), cache.values(layer), cache.lengths_B() + 1,
                                                scale_of(context.config), window_of(context, layer));
  return nn::linear(mixed_BHd.reshape({x_BD.size(0), -1}), w.o, w.o_bias);
}

/// What follows attention: norm, experts or the dense MLP, and the residual stream.
Tensor add_mlp(const Tensor& attended_ND, const LayerWeights& weights, const BlockContext& context, std::int64_t layer,
               std::int64_t first_token, MoeObserver* observer, const ServeFunction& serve) {
  const Tensor x_ND =
      nn::norm(attended_ND, weights.post_attention_norm, weights.post_attention_norm_bias, context.config.norm_epsilon);
  const bool moe = context.config.layers[static_cast<std::size_t>(layer)].moe;
  return attended_ND + (moe ? run_moe(x_ND, weights.moe, context, layer, first_token, observer, attended_ND, serve)
                            : nn::dense_mlp(x_ND, weights.dense));
}

Tensor input_norm(const Tensor& hidden_ND, const LayerWeights& weights, const BlockContext& context) {
  return nn::norm(hidden_ND, weights.input_norm, weights.input_norm_bias, context.config.norm_epsilon);
}

/// By the capacity of the experts over whole rows; their counts go to the cache, if there is one.
ServeFunction serve_rows(const BlockContext& context, const LayerWeights& weights, std::int64_t layer,
                         const PackedRows& rows) {
  const std::optional<nn::CapacityRule>& rule =
      context.training ? context.config.capacity_in_training : context.config.capacity_in_eval;
  if (!rule) return {};
  return [&context, &weights, layer, &rows, rule](const Tensor& ids_NK) {
    Tensor counts_RE;
    if (context.cache != nullptr) {
      counts_RE = context.cache->choices(layer).narrow(0, context.first_sequence, rows.num_rows());
    }
    return nn::served(ids_NK, counted_rows(rows), *rule, static_cast<std::int64_t>(weights.moe.experts.size()),
                      counts_RE);
  };
}

/// The same for the next token of every sequence of the cache.
ServeFunction serve_next(const BlockContext& context, const LayerWeights& weights, std::int64_t layer, KvCache& cache) {
  const std::optional<nn::CapacityRule>& rule = context.config.capacity_in_eval;
  if (!rule) return {};
  return [&weights, layer, &cache, rule](const Tensor& ids_BK) {
    return nn::served_next_(cache.choices(layer), ids_BK, cache.lengths_B(), *rule,
                            static_cast<std::int64_t>(weights.moe.experts.size()));
  };
}

}  // namespace

nn::RopeTables rope_of(const ModelConfig& config, std::int64_t num_positions, const Compute& compute) {
  if (config.num_positions > 0) return {};
  return nn::rope_tables(nn::rope_frequencies(config.head_dim, config.rope_theta).to(compute.device), num_positions,
                         compute.dtype);
}

void check_lengths(const PackedRows& rows, const ModelConfig& config) {
  check(config.num_positions == 0 || rows.longest() <= config.num_positions, "a row has ", rows.longest(),
        " tokens, but the model has learned ", config.num_positions,
        " positions (n_positions in config.json); use shorter rows");
}

Tensor run_moe(const Tensor& x_ND, const MoeWeights& weights, const BlockContext& context, std::int64_t layer,
               std::int64_t first_token, MoeObserver* observer, const Tensor& residual_ND, const ServeFunction& serve) {
  const Tensor logits_NE = nn::linear(x_ND, weights.router);
  const nn::Routing routing = nn::route(logits_NE, context.config.routing, weights.correction_bias);
  const Tensor ids_NK = weights.expert_of_row.defined()
                            ? weights.expert_of_row.index_select(0, routing.ids_NK.view(-1)).view_as(routing.ids_NK)
                            : routing.ids_NK;
  const Tensor served_NK = serve ? serve(ids_NK) : Tensor();
  const Tensor gates_NK = serve ? routing.gates_NK * served_NK : routing.gates_NK;
  const bool want_norms = observer != nullptr && observer->wants_norms();
  const nn::ExpertsOutput output =
      nn::experts(x_ND, weights.experts, ids_NK, gates_NK, want_norms, context.implementation);
  if (observer != nullptr) {
    observer->observe(
        {layer, first_token, logits_NE, routing, output.norms_NK, x_ND, residual_ND, output.out_ND, served_NK});
  }
  if (!weights.shared.up.defined()) return output.out_ND;
  const Tensor shared = nn::dense_mlp(x_ND, weights.shared);
  if (!weights.shared_router.defined()) return output.out_ND + shared;
  return output.out_ND + at::sigmoid(nn::linear(x_ND, weights.shared_router)) * shared;
}

Tensor run_block(const Tensor& hidden_ND, const LayerWeights& weights, const BlockContext& context, std::int64_t layer,
                 const PackedRows& rows, std::int64_t first_token, MoeObserver* observer) {
  const Tensor x_ND = input_norm(hidden_ND, weights, context);
  return add_mlp(hidden_ND + run_attention(x_ND, weights.attention, context, layer, rows), weights, context, layer,
                 first_token, observer, serve_rows(context, weights, layer, rows));
}

Tensor run_cached_block(const Tensor& hidden_BD, const LayerWeights& weights, const BlockContext& context,
                        std::int64_t layer, KvCache& cache) {
  const Tensor x_BD = input_norm(hidden_BD, weights, context);
  return add_mlp(hidden_BD + run_cached_attention(x_BD, weights.attention, context, layer, cache), weights, context,
                 layer, /*first_token=*/0, /*observer=*/nullptr, serve_next(context, weights, layer, cache));
}

}  // namespace uncurl::model
