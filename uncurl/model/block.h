// One layer of the decoder: attention, then experts or a dense MLP. It does not know whether its neighbours are in
// memory, so that streaming and resident models share it.
#pragma once

#include <functional>

#include "uncurl/model/kv_cache.h"
#include "uncurl/model/observer.h"
#include "uncurl/model/rows.h"
#include "uncurl/model/weights.h"
#include "uncurl/nn/experts.h"
#include "uncurl/nn/rope.h"

namespace uncurl::model {

/// Tables for positions 0..num_positions-1; empty where the model has learned positions instead.
nn::RopeTables rope_of(const ModelConfig& config, std::int64_t num_positions, const Compute& compute);

/// @throws Error if a row is longer than the model has positions
void check_lengths(const PackedRows& rows, const ModelConfig& config);

struct BlockContext {
  const ModelConfig& config;
  const nn::RopeTables& rope;
  nn::Implementation implementation = nn::Implementation::kFastest;
  KvCache* cache = nullptr;         ///< where run_block leaves keys and values; null: nowhere
  std::int64_t first_sequence = 0;  ///< of the cache: where the first row goes
  bool training = false;            ///< experts have their capacity of training
};

/// @param hidden_ND  the residual stream of the packed rows
/// @param first_token, observer  see MoeCall; observer may be null
/// @return           [N,D]
Tensor run_block(const Tensor& hidden_ND, const LayerWeights& weights, const BlockContext& context, std::int64_t layer,
                 const PackedRows& rows, std::int64_t first_token, MoeObserver* observer);

/// The newest token of every sequence of the cache; its keys and values are appended (KvCache::grow is the caller's).
/// @param hidden_BD  the residual stream of these tokens; @return [B,D]
Tensor run_cached_block(const Tensor& hidden_BD, const LayerWeights& weights, const BlockContext& context,
                        std::int64_t layer, KvCache& cache);

/// Which choices [N,K] of experts are served, [N,K] bool.
using ServeFunction = std::function<Tensor(const Tensor& ids_NK)>;

/// The MoE part alone, without norm and residual: what it adds to the residual stream for normed inputs x.
/// @param residual_ND  that stream, for the observer alone
/// @param serve        a choice that is not served adds nothing; empty: all are, whatever capacity the model has
Tensor run_moe(const Tensor& x_ND, const MoeWeights& weights, const BlockContext& context, std::int64_t layer,
               std::int64_t first_token, MoeObserver* observer, const Tensor& residual_ND = {},
               const ServeFunction& serve = {});

}  // namespace uncurl::model
