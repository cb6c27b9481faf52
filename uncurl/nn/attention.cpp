#include "uncurl/nn/attention.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/functions/utils.h>

#include "uncurl/kernels/attention.h"
#include "uncurl/kernels/attention_gradients.h"
#include "uncurl/tensor/autocast.h"

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
  const bool grouped = q_NHd.size(1) != k_NHd.size(1);
  const auto length_of = [&](std::size_t row) { return begins[row + 1] - begins[row]; };
  std::vector<Tensor> parts;
  for (std::size_t first = 0; first + 1 < begins.size();) {
    std::size_t end = first + 1;
    while (end + 1 < begins.size() && length_of(end) == length_of(first)) ++end;
    const std::int64_t begin = begins[first], length = length_of(first), total = begins[end] - begin;
    const auto batch = [&](const Tensor& x) {
      return x.narrow(0, begin, total).view({-1, length, x.size(1), x.size(2)}).transpose(1, 2);
    };
    const bool windowed = window > 0 && length > window;
    const std::optional<Tensor> mask =
        windowed ? std::optional<Tensor>(window_mask(length, window, q_NHd.device())) : std::nullopt;
    const Tensor out = at::scaled_dot_product_attention(batch(q_NHd), batch(k_NHd), batch(v_NHd), mask,
                                                        /*dropout_p=*/0.0, /*is_causal=*/!windowed, scale, grouped);
    parts.push_back(out.transpose(1, 2).reshape({total, q_NHd.size(1), q_NHd.size(2)}));
    first = end;
  }
  return parts.size() == 1 ? parts.front() : at::cat(parts);
}

Tensor attention(const Tensor& q_NHd, const Tensor& k_NHd, const Tensor& v_NHd, const std::vector<std::int64_t>& begins,
                 double scale, std::int64_t window, Implementation implementation) {
  if (implementation == Implementation::kFastest && q_NHd.is_cpu()) {
    const at::ScalarType dtype = product_dtype(q_NHd);
    const bool gradient = torch::autograd::compute_requires_grad(q_NHd, k_NHd, v_NHd);
    if (kernels::has_causal_attention(dtype) && (!gradient || kernels::has_causal_attention(at::kFloat))) {
      const Tensor q = q_NHd.to(dtype), k = k_NHd.to(dtype), v = v_NHd.to(dtype);
      return gradient ? kernels::differentiable_attention(q, k, v, begins, scale, window)
                      : kernels::causal_attention(q, k, v, begins, scale, window).out_NHd;
    }
  }
  return attention_plain(q_NHd, k_NHd, v_NHd, begins, scale, window);
}

}  // namespace uncurl::nn
