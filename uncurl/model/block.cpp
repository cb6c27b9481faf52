#include "uncurl/model/block.h"

#include <ATen/ATen.h>

#include <cmath>

#include "uncurl/nn/attention.h"
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

Tensor run_attention(const Tensor& x_ND, const AttentionWeights& w, const BlockContext& context, std::int64_t layer,
                     const PackedRows& rows) {
  const ModelConfig& config = context.config;
  const auto clip = [&](const Tensor& x) {
    return config.clip_qkv > 0 ? x.clamp(-config.clip_qkv, config.clip_qkv) : x;
  };
  const auto heads = [&](const Tensor& x) { return x.view({x.size(0), -1, config.head_dim}); };
  const Tensor q = norm_heads(nn::linear(x_ND, w.q, w.q_bias), w.q_norm, config.head_dim, config.norm_epsilon);
  const Tensor k = norm_heads(nn::linear(x_ND, w.k, w.k_bias), w.k_norm, config.head_dim, config.norm_epsilon);
  const Tensor v = nn::linear(x_ND, w.v, w.v_bias);
  const Tensor where = positions(rows).to(x_ND.device());
  const Tensor mixed_NHd = nn::attention(nn::apply_rope(heads(clip(q)), context.rope, where),
                                         nn::apply_rope(heads(clip(k)), context.rope, where), heads(clip(v)),
                                         rows.begins, 1.0 / std::sqrt(static_cast<double>(config.head_dim)),
                                         config.layers[static_cast<std::size_t>(layer)].window);
  return nn::linear(mixed_NHd.reshape({x_ND.size(0), -1}), w.o, w.o_bias);
}

}  // namespace

Tensor run_moe(const Tensor& x_ND, const MoeWeights& weights, const BlockContext& context, std::int64_t layer,
               std::int64_t first_token, MoeObserver* observer) {
  const Tensor logits_NE = nn::linear(x_ND, weights.router);
  const nn::Routing routing = nn::route(logits_NE, context.config.routing, weights.correction_bias);
  const Tensor ids_NK = weights.expert_of_row.defined()
                            ? weights.expert_of_row.index_select(0, routing.ids_NK.view(-1)).view_as(routing.ids_NK)
                            : routing.ids_NK;
  const nn::ExpertsOutput output = nn::experts(x_ND, weights.experts, ids_NK, routing.gates_NK,
                                               /*want_norms=*/observer != nullptr, context.implementation);
  if (observer != nullptr) observer->observe({layer, first_token, logits_NE, routing, output.norms_NK});
  if (!weights.shared.gate.defined()) return output.out_ND;
  const Tensor shared = nn::dense_mlp(x_ND, weights.shared);
  if (!weights.shared_router.defined()) return output.out_ND + shared;
  return output.out_ND + at::sigmoid(nn::linear(x_ND, weights.shared_router)) * shared;
}

Tensor run_block(const Tensor& hidden_ND, const LayerWeights& weights, const BlockContext& context, std::int64_t layer,
                 const PackedRows& rows, std::int64_t first_token, MoeObserver* observer) {
  const double epsilon = context.config.norm_epsilon;
  const Tensor attended_ND = hidden_ND + run_attention(nn::rms_norm(hidden_ND, weights.input_norm, epsilon),
                                                       weights.attention, context, layer, rows);
  const Tensor x_ND = nn::rms_norm(attended_ND, weights.post_attention_norm, epsilon);
  const bool moe = context.config.layers[static_cast<std::size_t>(layer)].moe;
  return attended_ND +
         (moe ? run_moe(x_ND, weights.moe, context, layer, first_token, observer) : nn::dense_mlp(x_ND, weights.dense));
}

}  // namespace uncurl::model
