#include "uncurl/kernels/gelu.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <array>

#include "uncurl/kernels/activations.h"
#include "uncurl/kernels/bf16.h"
#include "uncurl/kernels/cpu_level.h"

namespace uncurl::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

constexpr std::int64_t kGrain = 1 << 14;

void gelu_loop(float* y, const float* x, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) y[i] = gelu_at(x[i]).value;
}

void gelu_backward_loop(float* dx, const float* x, const float* dy, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) dx[i] = dy[i] * gelu_at(x[i]).slope;
}

void gelu_of(float* y, const float* x, std::int64_t n) { vectorized<gelu_loop>(y, x, n); }

void gelu_backward_of(float* dx, const float* x, const float* dy, std::int64_t n) {
  vectorized<gelu_backward_loop>(dx, x, dy, n);
}

/// bf16 numbers are computed with in fp32, so many at a time.
constexpr std::int64_t kBuffer = 512;

void gelu_of(at::BFloat16* y, const at::BFloat16* x, std::int64_t n) {
  std::array<float, kBuffer> values;
  for (std::int64_t begin = 0; begin < n; begin += kBuffer) {
    const std::int64_t count = std::min(kBuffer, n - begin);
    widen_bf16(values.data(), x + begin, count);
    gelu_of(values.data(), values.data(), count);
    round_to_bf16(y + begin, values.data(), count);
  }
}

void gelu_backward_of(at::BFloat16* dx, const at::BFloat16* x, const at::BFloat16* dy, std::int64_t n) {
  std::array<float, kBuffer> values, gradients;
  for (std::int64_t begin = 0; begin < n; begin += kBuffer) {
    const std::int64_t count = std::min(kBuffer, n - begin);
    widen_bf16(values.data(), x + begin, count);
    widen_bf16(gradients.data(), dy + begin, count);
    gelu_backward_of(gradients.data(), values.data(), gradients.data(), count);
    round_to_bf16(dx + begin, gradients.data(), count);
  }
}

bool runs_here(const Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

template <class Scalar>
Tensor gelu_tanh_as(const Tensor& in) {
  Tensor y = at::empty_like(in);
  const auto* const from = in.const_data_ptr<Scalar>();
  auto* const to = y.mutable_data_ptr<Scalar>();
  at::parallel_for(0, in.numel(), kGrain,
                   [&](std::int64_t begin, std::int64_t end) { gelu_of(to + begin, from + begin, end - begin); });
  return y;
}

template <class Scalar>
Tensor gelu_tanh_backward_as(const Tensor& in, const Tensor& by) {
  Tensor result = at::empty_like(in);
  const auto *const x = in.const_data_ptr<Scalar>(), *const dy = by.const_data_ptr<Scalar>();
  auto* const dx = result.mutable_data_ptr<Scalar>();
  at::parallel_for(0, in.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    gelu_backward_of(dx + begin, x + begin, dy + begin, end - begin);
  });
  return result;
}

struct Gelu : Function<Gelu> {
  static Tensor forward(AutogradContext* context, const Tensor& x) {
    context->save_for_backward({x});
    return gelu_tanh(x);
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    return {gelu_tanh_backward(context->get_saved_variables()[0], gradients[0])};
  }
};

}  // namespace

Tensor gelu_tanh(const Tensor& x) {
  if (!runs_here(x)) return at::gelu(x, "tanh");
  const Tensor in = x.contiguous();
  return x.scalar_type() == at::kFloat ? gelu_tanh_as<float>(in) : gelu_tanh_as<at::BFloat16>(in);
}

Tensor gelu_tanh_backward(const Tensor& x, const Tensor& dy) {
  if (!runs_here(x) || x.scalar_type() != dy.scalar_type()) return at::gelu_backward(dy, x, "tanh");
  const Tensor in = x.contiguous(), by = dy.contiguous();
  return x.scalar_type() == at::kFloat ? gelu_tanh_backward_as<float>(in, by)
                                       : gelu_tanh_backward_as<at::BFloat16>(in, by);
}

Tensor differentiable_gelu(const Tensor& x) { return Gelu::apply(x); }

}  // namespace uncurl::kernels
