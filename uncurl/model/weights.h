// The weights of one layer as a plain struct, and the one function that walks them: it loads, checks and lists them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "uncurl/kernels/expert.h"
#include "uncurl/model/config.h"

namespace uncurl::model {

struct AttentionWeights {
  Tensor q, k, v, o;                      ///< [H*hd,D], [Hkv*hd,D], [Hkv*hd,D], [D,H*hd]
  Tensor q_bias, k_bias, v_bias, o_bias;  ///< undefined where the family has none
  Tensor q_norm, k_norm;                  ///< likewise
};

struct MoeWeights {
  Tensor router;                ///< [R,D], R router rows
  Tensor correction_bias;       ///< [R] fp32 or undefined
  std::vector<Expert> experts;  ///< E of them
  Tensor expert_of_row;         ///< [R] int64: which expert a router row leads to; undefined: row e to expert e.
                                ///< Exists in memory alone: the yardstick of what merging experts itself costs
  Expert shared;                ///< undefined where the family has none
  Tensor shared_router;         ///< [1,D]
};

struct LayerWeights {
  Tensor input_norm;                                 ///< [D]
  Tensor post_attention_norm;                        ///< [D]
  Tensor input_norm_bias, post_attention_norm_bias;  ///< [D], undefined where norms have none
  AttentionWeights attention;
  MoeWeights moe;  ///< filled in layers with experts
  Expert dense;    ///< filled in layers without
};

/// What lies outside the layers.
struct OuterWeights {
  Tensor embeddings;                   ///< [V,D]
  Tensor positions;                    ///< [P,D], undefined where positions are rotary
  Tensor final_norm, final_norm_bias;  ///< [D], the bias undefined where norms have none
  Tensor head;                         ///< [V,D], undefined where it is tied to the embeddings
};

/// Calls visit(tensor, name, shape) for every tensor of the layer but the routed experts, in a fixed order.
using TensorVisitor =
    std::function<void(Tensor& tensor, const std::string& name, const std::vector<std::int64_t>& shape)>;
void for_each_tensor(LayerWeights& weights, const ModelConfig& config, const Family& family, const ExpertLayout& layout,
                     std::int64_t layer, const TensorVisitor& visit);

/// The same for what lies outside the layers.
void for_each_outer_tensor(OuterWeights& weights, const ModelConfig& config, const Family& family,
                           const TensorVisitor& visit);

/// The same for one expert of a layer whose experts are stored apart: gate, up, down or up, up bias, down, down bias.
void for_each_tensor(Expert& weights, const ModelConfig& config, const ExpertLayout& layout, std::int64_t layer,
                     std::int64_t expert, const TensorVisitor& visit);

/// The expert with change(tensor) for every tensor it has.
Expert with_each_tensor(const Expert& expert, const std::function<Tensor(const Tensor&)>& change);

/// "x.bias" for "x.weight".
std::string bias_name(const std::string& weight_name);

/// One stored tensor that belongs to the routed experts.
struct ExpertTensor {
  std::string name;
  std::vector<std::int64_t> shape;
};

/// The stored tensors of the routed experts of a layer that holds `num_experts` of them: expert by expert, or the two
/// fused ones.
std::vector<ExpertTensor> expert_tensors(const ModelConfig& config, const ExpertLayout& layout, std::int64_t layer,
                                         std::int64_t num_experts);

}  // namespace uncurl::model
