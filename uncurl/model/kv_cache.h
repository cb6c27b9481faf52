// The keys and values of sequences that grow token by token, so that a new token costs one token's arithmetic; and,
// where experts have a capacity, how often each was chosen so far.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "uncurl/model/config.h"
#include "uncurl/model/rows.h"
#include "uncurl/tensor/compute.h"

namespace uncurl::model {

/// Room for B sequences of up to C tokens each: 2 L B C Hkv head_dim values.
class KvCache {
 public:
  KvCache(const ModelConfig& config, const Compute& compute, std::int64_t num_sequences, std::int64_t capacity);

  std::int64_t num_sequences() const { return lengths_B_.size(0); }
  std::int64_t capacity() const { return capacity_; }
  const Tensor& lengths_B() const { return lengths_B_; }  ///< [B] int64, tokens kept so far
  const Tensor& keys(std::int64_t layer) const { return keys_[static_cast<std::size_t>(layer)]; }      ///< [B,Hkv,C,hd]
  const Tensor& values(std::int64_t layer) const { return values_[static_cast<std::size_t>(layer)]; }  ///< likewise
  /// [B,E] int64, choices of each expert in the current block of the capacity; undefined where there is no capacity.
  Tensor& choices(std::int64_t layer) { return choices_[static_cast<std::size_t>(layer)]; }

  /// Keys and values [N,Hkv,hd] of one layer for whole rows: row r becomes sequence first_sequence + r, from its start.
  void fill(std::int64_t layer, const Tensor& k_NHd, const Tensor& v_NHd, const PackedRows& rows,
            std::int64_t first_sequence);
  /// One token more of one layer for every sequence, after its length. @param k_BHd [B,Hkv,hd], @param v_BHd likewise
  void append(std::int64_t layer, const Tensor& k_BHd, const Tensor& v_BHd);

  void set_lengths(const std::vector<std::int64_t>& lengths);
  void grow() { lengths_B_ = lengths_B_ + 1; }  ///< after a token was appended in every layer
  void keep(const Tensor& sequences);           ///< [B'] int64: the others are forgotten

 private:
  std::int64_t capacity_;
  std::vector<Tensor> keys_, values_, choices_;
  Tensor lengths_B_;
};

}  // namespace uncurl::model
