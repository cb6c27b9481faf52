#include "uncurl/model/weights.h"

namespace uncurl::model {
namespace {

void visit_attention(AttentionWeights& weights, const ModelConfig& config, const Family& family, std::int64_t layer,
                     const TensorVisitor& visit) {
  const TensorNames& names = family.names;
  const std::int64_t width = config.hidden_size;
  const std::int64_t q_width = config.num_heads * config.head_dim, kv_width = config.num_kv_heads * config.head_dim;
  const auto name = [&](const std::string& pattern) { return fill_name(pattern, layer); };
  visit(weights.q, name(names.q), {q_width, width});
  visit(weights.k, name(names.k), {kv_width, width});
  visit(weights.v, name(names.v), {kv_width, width});
  visit(weights.o, name(names.o), {width, q_width});
  if (config.qkv_bias) {
    visit(weights.q_bias, bias_name(name(names.q)), {q_width});
    visit(weights.k_bias, bias_name(name(names.k)), {kv_width});
    visit(weights.v_bias, bias_name(name(names.v)), {kv_width});
  }
  if (config.o_bias) visit(weights.o_bias, bias_name(name(names.o)), {width});
  if (family.qk_norm == QkNorm::kNone) return;
  const bool per_head = family.qk_norm == QkNorm::kPerHead;
  visit(weights.q_norm, name(names.q_norm), {per_head ? config.head_dim : q_width});
  visit(weights.k_norm, name(names.k_norm), {per_head ? config.head_dim : kv_width});
}

/// Names of a gated MLP, or with an empty gate of one without gate and with biases.
struct MlpNames {
  std::string gate, up, down;
};

MlpNames mlp_names(const std::string& gate, const std::string& up, const std::string& down, std::int64_t layer,
                   std::int64_t expert = -1) {
  return {fill_name(gate, layer, expert), fill_name(up, layer, expert), fill_name(down, layer, expert)};
}

void visit_mlp(Expert& mlp, const MlpNames& names, std::int64_t inner, std::int64_t width, const TensorVisitor& visit) {
  const bool gated = !names.gate.empty();
  if (gated) visit(mlp.gate, names.gate, {inner, width});
  visit(mlp.up, names.up, {inner, width});
  if (!gated) visit(mlp.up_bias, bias_name(names.up), {inner});
  visit(mlp.down, names.down, {width, inner});
  if (!gated) visit(mlp.down_bias, bias_name(names.down), {width});
}

void visit_norm(Tensor& weight, Tensor& bias, const std::string& name, const ModelConfig& config,
                const TensorVisitor& visit) {
  visit(weight, name, {config.hidden_size});
  if (config.norm_bias) visit(bias, bias_name(name), {config.hidden_size});
}

}  // namespace

std::string bias_name(const std::string& weight_name) {
  return weight_name.substr(0, weight_name.rfind('.')) + ".bias";
}

void for_each_outer_tensor(OuterWeights& weights, const ModelConfig& config, const Family& family,
                           const TensorVisitor& visit) {
  const TensorNames& names = family.names;
  visit(weights.embeddings, names.embeddings, {config.vocab_size, config.hidden_size});
  if (config.num_positions > 0) visit(weights.positions, names.positions, {config.num_positions, config.hidden_size});
  visit_norm(weights.final_norm, weights.final_norm_bias, names.final_norm, config, visit);
  if (!config.tied_embeddings) visit(weights.head, names.head, {config.vocab_size, config.hidden_size});
}

void for_each_tensor(Expert& weights, const ModelConfig& config, const ExpertLayout& layout, std::int64_t layer,
                     std::int64_t expert, const TensorVisitor& visit) {
  visit_mlp(weights, mlp_names(layout.gate, layout.up, layout.down, layer, expert), config.expert_width,
            config.hidden_size, visit);
}

Expert with_each_tensor(const Expert& expert, const std::function<Tensor(const Tensor&)>& change) {
  const auto changed = [&](const Tensor& tensor) { return tensor.defined() ? change(tensor) : tensor; };
  return {changed(expert.gate), changed(expert.up), changed(expert.down), changed(expert.up_bias),
          changed(expert.down_bias)};
}

void for_each_tensor(LayerWeights& weights, const ModelConfig& config, const Family& family, const ExpertLayout& layout,
                     std::int64_t layer, const TensorVisitor& visit) {
  const TensorNames& names = family.names;
  const std::int64_t width = config.hidden_size;
  const LayerKind& kind = config.layers[static_cast<std::size_t>(layer)];
  visit_norm(weights.input_norm, weights.input_norm_bias, fill_name(names.input_norm, layer), config, visit);
  visit_attention(weights.attention, config, family, layer, visit);
  visit_norm(weights.post_attention_norm, weights.post_attention_norm_bias, fill_name(names.post_attention_norm, layer),
             config, visit);
  if (!kind.moe) {
    visit_mlp(weights.dense, mlp_names(names.dense_gate, names.dense_up, names.dense_down, layer), config.dense_width,
              width, visit);
    return;
  }
  visit(weights.moe.router, fill_name(layout.router, layer), {kind.num_experts, width});
  if (!names.correction_bias.empty()) {
    visit(weights.moe.correction_bias, fill_name(names.correction_bias, layer), {kind.num_experts});
  }
  if (config.shared_width == 0) return;
  visit_mlp(weights.moe.shared, mlp_names(names.shared_gate, names.shared_up, names.shared_down, layer),
            config.shared_width, width, visit);
  if (!names.shared_router.empty()) visit(weights.moe.shared_router, fill_name(names.shared_router, layer), {1, width});
}

std::vector<ExpertTensor> expert_tensors(const ModelConfig& config, const ExpertLayout& layout, std::int64_t layer,
                                         std::int64_t num_experts) {
  const std::int64_t width = config.hidden_size, inner = config.expert_width;
  if (layout.fused) {
    return {{fill_name(layout.gate_up, layer), {num_experts, 2 * inner, width}},
            {fill_name(layout.down, layer), {num_experts, width, inner}}};
  }
  std::vector<ExpertTensor> tensors;
  Expert unused;
  for (std::int64_t expert = 0; expert < num_experts; ++expert) {
    for_each_tensor(unused, config, layout, layer, expert,
                    [&](Tensor&, const std::string& name, const std::vector<std::int64_t>& shape) {
                      tensors.push_back({name, shape});
                    });
  }
  return tensors;
}

}  // namespace uncurl::model
