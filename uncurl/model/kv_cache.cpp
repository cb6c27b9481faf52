#include "uncurl/model/kv_cache.h"

#include <ATen/ATen.h>

namespace uncurl::model {

KvCache::KvCache(const ModelConfig& config, const Compute& compute, std::int64_t num_sequences, std::int64_t capacity)
    : capacity_(capacity), lengths_B_(at::zeros({num_sequences}, at::kLong)) {
  const std::vector<std::int64_t> shape = {num_sequences, config.num_kv_heads, capacity, config.head_dim};
  const at::TensorOptions options = at::TensorOptions().dtype(compute.dtype).device(compute.device);
  for (std::int64_t layer = 0; layer < config.num_layers(); ++layer) {
    keys_.push_back(at::zeros(shape, options));  // zeros: what is masked must still be finite
    values_.push_back(at::zeros(shape, options));
    choices_.push_back(config.capacity_in_eval ? at::zeros({num_sequences, config.num_experts}, at::kLong) : Tensor());
  }
}

void KvCache::fill(std::int64_t layer, const Tensor& k_NHd, const Tensor& v_NHd, const PackedRows& rows,
                   std::int64_t first_sequence) {
  for (std::int64_t r = 0; r < rows.num_rows(); ++r) {
    const std::int64_t begin = rows.begins[static_cast<std::size_t>(r)];
    const std::int64_t length = rows.begins[static_cast<std::size_t>(r) + 1] - begin;
    const auto put = [&](const Tensor& cache, const Tensor& x) {
      cache.select(0, first_sequence + r).narrow(1, 0, length).copy_(x.narrow(0, begin, length).transpose(0, 1));
    };
    put(keys(layer), k_NHd);
    put(values(layer), v_NHd);
  }
}

void KvCache::append(std::int64_t layer, const Tensor& k_BHd, const Tensor& v_BHd) {
  const Tensor where = lengths_B_.view({-1, 1, 1, 1}).expand({-1, k_BHd.size(1), 1, k_BHd.size(2)});
  keys_[static_cast<std::size_t>(layer)].scatter_(2, where, k_BHd.unsqueeze(2));
  values_[static_cast<std::size_t>(layer)].scatter_(2, where, v_BHd.unsqueeze(2));
}

void KvCache::set_lengths(const std::vector<std::int64_t>& lengths) { lengths_B_ = at::tensor(lengths, at::kLong); }

void KvCache::keep(const Tensor& sequences) {
  for (Tensor& keys : keys_) keys = keys.index_select(0, sequences);
  for (Tensor& values : values_) values = values.index_select(0, sequences);
  for (Tensor& choices : choices_) {
    if (choices.defined()) choices = choices.index_select(0, sequences);
  }
  lengths_B_ = lengths_B_.index_select(0, sequences);
}

}  // namespace uncurl::model
