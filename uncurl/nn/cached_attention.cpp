#include "uncurl/nn/cached_attention.h"

#include <ATen/ATen.h>

#include "uncurl/tensor/threads.h"

namespace uncurl::nn {
namespace {

/// Positions 0..count-1 as a row.
Tensor arange_like(const Tensor& x, std::int64_t first, std::int64_t end) {
  return at::arange(first, end, at::TensorOptions().dtype(at::kLong).device(x.device()));
}

/// True where a query may look: not ahead of its own position, and at most window-1 back.
Tensor visible(const Tensor& keys, const Tensor& queries, std::int64_t window) {
  const Tensor causal = keys.le(queries);
  return window > 0 ? causal.logical_and(keys.gt(queries - window)) : causal;
}

}  // namespace

Tensor continued_attention(const Tensor& q_THd, const Tensor& k_SHd, const Tensor& v_SHd, double scale,
                           std::int64_t window) {
  const SingleThread single;  // with a mask, libtorch's fp32 attention rounds by the number of threads
  const std::int64_t num_keys = k_SHd.size(0), num_queries = q_THd.size(0);
  const Tensor mask_TS = visible(arange_like(q_THd, 0, num_keys).unsqueeze(0),
                                 arange_like(q_THd, num_keys - num_queries, num_keys).unsqueeze(1), window);
  const auto heads_first = [](const Tensor& x) { return x.transpose(0, 1).unsqueeze(0); };
  const bool grouped = q_THd.size(1) != k_SHd.size(1);
  return at::scaled_dot_product_attention(heads_first(q_THd), heads_first(k_SHd), heads_first(v_SHd), mask_TS,
                                          /*dropout_p=*/0.0, /*is_causal=*/false, scale, /*enable_gqa=*/grouped)
      .squeeze(0)
      .transpose(0, 1);
}

Tensor cached_attention(const Tensor& q_BHd, const Tensor& k_BHCd, const Tensor& v_BHCd, const Tensor& lengths_B,
                        double scale, std::int64_t window) {
  const SingleThread single;
  const Tensor mask_BC =
      visible(arange_like(q_BHd, 0, k_BHCd.size(2)).unsqueeze(0), (lengths_B - 1).unsqueeze(1), window);
  // The heads of a group share keys: as that many queries of one head, nothing is copied for them.
  const Tensor q_BHGd = q_BHd.view({q_BHd.size(0), k_BHCd.size(1), -1, q_BHd.size(2)});
  return at::scaled_dot_product_attention(q_BHGd, k_BHCd, v_BHCd, mask_BC.unsqueeze(1).unsqueeze(1),
                                          /*dropout_p=*/0.0, /*is_causal=*/false, scale)
      .reshape_as(q_BHd);
}

}  // namespace uncurl::nn
