// Every expert of a layer on the inputs that observe kept, chosen or not: what methods need that compare outputs.
// Costs m times all experts of the layer, E/K times what the layer itself computes for a token.
#pragma once

#include "uncurl/model/model.h"
#include "uncurl/nn/router.h"
#include "uncurl/prune/stats.h"

namespace uncurl::prune {

/// The first m sampled tokens, those whose inputs were kept.
struct KeptTokens {
  Tensor inputs_mD;  ///< in the dtype of the run, on the CPU
  Tensor logits_mE;  ///< fp32
  Tensor weights_m;  ///< fp64
};

/// @throws Error naming the layer if the statistics hold no inputs
KeptTokens kept_tokens(const LayerSummary& layer);

/// Where the tokens would be sent if the layer had these experts alone. @param experts  ascending
nn::Routing route_among(const std::vector<std::int64_t>& experts, const KeptTokens& tokens, const model::Model& model,
                        std::int64_t layer);

/// sum_x w_e(x) f_e(x) over the kept tokens, for every expert: [E,D] fp64.
/// @param weights_mE  fp64
/// One expert a thread; the number of threads changes no bit. Memory: per thread one expert in the dtype of the run and
/// 512 rows of 2F + D numbers.
Tensor weighted_outputs(const KeptTokens& tokens, const Tensor& weights_mE, const std::vector<Expert>& experts);

/// Inner products of the outputs of all experts, token by token: [m,E,E] fp32, which is m E^2 numbers and less than the
/// outputs themselves where E < D. Beside it, outputs of so many tokens as fill 128 MB lie in memory at once.
/// One expert a thread, then one token a thread; the number of threads changes no bit.
Tensor output_products(const KeptTokens& tokens, const std::vector<Expert>& experts);

}  // namespace uncurl::prune
