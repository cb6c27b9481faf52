// From router logits to the chosen experts and their gates, for every routing rule of the supported families.
//
// Softmax routers take the softmax over all experts and keep the top_k; sigmoid routers (DeepSeek-V3, GLM-4.5) score
// each expert alone. A correction bias steers the choice and never the gate. With groups, only experts of the best
// groups may be chosen.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace uncurl::nn {

using at::Tensor;

enum class ScoreFunction { kSoftmax, kSigmoid };
enum class GroupScore { kMaximum, kSumOfTopTwo };  ///< DeepSeek-V2, DeepSeek-V3

struct RoutingRule {
  std::int64_t top_k = 1;
  ScoreFunction score = ScoreFunction::kSoftmax;
  bool renormalize = false;          ///< the top_k gates are divided by their sum
  double gate_scale = 1.0;           ///< routed_scaling_factor
  bool gates_in_model_dtype = true;  ///< gates are rounded to the logits' dtype (all but Mixtral in transformers)
  std::int64_t num_groups = 1;
  std::int64_t top_groups = 1;
  GroupScore group_score = GroupScore::kSumOfTopTwo;
};

struct Routing {
  Tensor ids_NK;     ///< int64, by descending score
  Tensor gates_NK;   ///< as they multiply the expert outputs: fp32, or the logits' dtype if the rule says so
  Tensor scores_NE;  ///< fp32, softmax or sigmoid of the logits, before correction and renormalisation
};

/// @param logits_NE        [N,E] of any floating dtype; scores are taken in fp32
/// @param correction_bias  [E] fp32 or undefined
/// Ties of the top_k fall as libtorch's topk lets them, like in transformers. Cost O(N E).
/// @throws Error if groups are unequal, or the top groups hold fewer experts than top_k
Routing route(const Tensor& logits_NE, const RoutingRule& rule, const Tensor& correction_bias = {});

}  // namespace uncurl::nn
