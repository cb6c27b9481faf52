#include "uncurl/model/weights.h"

namespace uncurl::model {
namespace {

std::string bias_name(const std::string& weight_name) {
  return weight_name.substr(0, weight_name.rfind('.')) + ".bias";
}

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

void visit_gated_mlp(Expert& mlp, const std::string& gate, const std::string& up, const std::string& down,
                     std::int64_t layer, std::int64_t inner, std::int64_t width, const TensorVisitor& visit) {
  visit(mlp.gate, fill_name(gate, layer), {inner, width});
  visit(mlp.up, fill_name(up, layer), {inner, width});
  visit(mlp.down, fill_name(down, layer), {width, inner});
}

}  // namespace

void for_each_tensor(LayerWeights& weights, const ModelConfig& config, const Family& family, const ExpertLayout& layout,
                     std::int64_t layer, const TensorVisitor& visit) {
  const TensorNames& names = family.names;
  const std::int64_t width = config.hidden_size;
  const LayerKind& kind = config.layers[static_cast<std::size_t>(layer)];
  visit(weights.input_norm, fill_name(names.input_norm, layer), {width});
  visit_attention(weights.attention, config, family, layer, visit);
  visit(weights.post_attention_norm, fill_name(names.post_attention_norm, layer), {width});
  if (!kind.moe) {
    visit_gated_mlp(weights.dense, names.dense_gate, names.dense_up, names.dense_down, layer, config.dense_width, width,
                    visit);
    return;
  }
  visit(weights.moe.router, fill_name(layout.router, layer), {kind.num_experts, width});
  if (!names.correction_bias.empty()) {
    visit(weights.moe.correction_bias, fill_name(names.correction_bias, layer), {kind.num_experts});
  }
  if (config.shared_width == 0) return;
  visit_gated_mlp(weights.moe.shared, names.shared_gate, names.shared_up, names.shared_down, layer, config.shared_width,
                  width, visit);
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
  for (std::int64_t expert = 0; expert < num_experts; ++expert) {
    tensors.push_back({fill_name(layout.gate, layer, expert), {inner, width}});
    tensors.push_back({fill_name(layout.up, layer, expert), {inner, width}});
    tensors.push_back({fill_name(layout.down, layer, expert), {width, inner}});
  }
  return tensors;
}

}  // namespace uncurl::model
