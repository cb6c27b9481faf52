#include "uncurl/kernels/gelu.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "uncurl/kernels/vector_exp.h"

namespace uncurl::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

constexpr float kTwiceSqrt = 1.5957691216f;  // 2 sqrt(2/pi)
constexpr float kCubic = 0.044715f;
constexpr std::int64_t kGrain = 1 << 14;

inline float sigmoid(float z) {
  const float e = exp_of_negative(z < 0 ? z : -z);
  return (z < 0 ? e : 1.0f) / (1.0f + e);
}

UNCURL_FOR_EACH_CPU void gelu_of(float* y, const float* x, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    const float v = x[i];
    y[i] = v * sigmoid(kTwiceSqrt * (v + kCubic * v * v * v));
  }
}

UNCURL_FOR_EACH_CPU void gelu_backward_of(float* y, float* dx, const float* x, const float* dy, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    const float v = x[i];
    const float s = sigmoid(kTwiceSqrt * (v + kCubic * v * v * v));
    const float inner = kTwiceSqrt * (1.0f + 3.0f * kCubic * v * v);
    y[i] = v * s;
    dx[i] = dy[i] * (s + v * s * (1.0f - s) * inner);
  }
}

bool runs_here(const Tensor& x) { return x.is_cpu() && x.scalar_type() == at::kFloat; }

struct Gelu : Function<Gelu> {
  static Tensor forward(AutogradContext* context, const Tensor& x) {
    context->save_for_backward({x});
    return gelu_tanh(x);
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    return {gelu_tanh_backward(context->get_saved_variables()[0], gradients[0]).dx};
  }
};

}  // namespace

Tensor gelu_tanh(const Tensor& x) {
  if (!runs_here(x)) return at::gelu(x, "tanh");
  const Tensor in = x.contiguous();
  Tensor y = at::empty_like(in);
  const auto* const from = in.const_data_ptr<float>();
  auto* const to = y.mutable_data_ptr<float>();
  at::parallel_for(0, in.numel(), kGrain,
                   [&](std::int64_t begin, std::int64_t end) { gelu_of(to + begin, from + begin, end - begin); });
  return y;
}

GeluBackward gelu_tanh_backward(const Tensor& x, const Tensor& dy) {
  if (!runs_here(x) || !runs_here(dy)) return {at::gelu(x, "tanh"), at::gelu_backward(dy, x, "tanh")};
  const Tensor in = x.contiguous(), by = dy.contiguous();
  GeluBackward result{at::empty_like(in), at::empty_like(in)};
  const auto *const from = in.const_data_ptr<float>(), *const with = by.const_data_ptr<float>();
  auto *const y = result.y.mutable_data_ptr<float>(), *const dx = result.dx.mutable_data_ptr<float>();
  at::parallel_for(0, in.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    gelu_backward_of(y + begin, dx + begin, from + begin, with + begin, end - begin);
  });
  return result;
}

Tensor differentiable_gelu(const Tensor& x) { return Gelu::apply(x); }

}  // namespace uncurl::kernels
