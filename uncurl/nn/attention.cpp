#include "uncurl/nn/attention.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "uncurl/kernels/attention.h"

namespace uncurl::nn {
namespace {

/// [T,T] true where a token may look: at most window-1 back, never ahead.
Tensor window_mask(std::int64_t length, std::int64_t window, at::Device device) {
  const Tensor all = at::ones({length, length}, at::TensorOptions().dtype(at::kBool).device(device));
  return all.tril().logical_and(all.triu(1 - window));
}

}  // namespace

Tensor attention_plain(const Tensor& q_NHd, const Tensor& k_NHd, const Tensor& v_NHd,
                       const std::vector<std::int64_t>& begins, double scale, std::int64_t window) {
  Tensor out_NHd = at::empty_like(q_NHd);
  const bool grouped = q_NHd.size(1) != k_NHd.size(1);
  for (std::size_t r = 0; r + 1 < begins.size(); ++r) {
    const std::int64_t begin = begins[r], length = begins[r + 1] - begin;
    const auto row = [&](const Tensor& x) { return x.narrow(0, begin, length).transpose(0, 1).unsqueeze(0); };
    const bool windowed = window > 0 && length > window;
    const std::optional<Tensor> mask =
        windowed ? std::optional<Tensor>(window_mask(length, window, q_NHd.device())) : std::nullopt;
    const Tensor row_out = at::scaled_dot_product_attention(row(q_NHd), row(k_NHd), row(v_NHd), mask, /*dropout_p=*/0.0,
                                                            /*is_causal=*/!windowed, scale, /*enable_gqa=*/grouped);
    out_NHd.narrow(0, begin, length).copy_(row_out.squeeze(0).transpose(0, 1));
  }
  return out_NHd;
}

Tensor attention(const Tensor& q_NHd, const Tensor& k_NHd, const Tensor& v_NHd, const std::vector<std::int64_t>& begins,
                 double scale, std::int64_t window, Implementation implementation) {
  const bool wants_gradient =
      at::GradMode::is_enabled() && (q_NHd.requires_grad() || k_NHd.requires_grad() || v_NHd.requires_grad());
  const bool fast = implementation == Implementation::kFastest && q_NHd.is_cpu() && !wants_gradient &&
                    kernels::has_causal_attention(q_NHd.scalar_type());
  return fast ? kernels::causal_attention(q_NHd, k_NHd, v_NHd, begins, scale, window)
              : attention_plain(q_NHd, k_NHd, v_NHd, begins, scale, window);
}

}  // namespace uncurl::nn
