#include "uncurl/kernels/hidden_neurons.h"

#include <ATen/ATen.h>

#include <cassert>
#include <type_traits>
#include <vector>

#include "uncurl/kernels/activations.h"
#include "uncurl/kernels/bf16.h"
#include "uncurl/kernels/cpu_level.h"
#include "uncurl/kernels/gelu.h"

namespace uncurl::kernels {
namespace {

void swiglu_row(float* h, const float* gate, const float* up, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) h[i] = silu_at(gate[i]).value * up[i];
}

/// @return dh . hidden; written are weight * hidden and the gradient of up, which may lie over their inputs
float gelu_row_backward(float* weighted, float* d_up, const float* up, const float* dh, std::int64_t n, float weight) {
  float dot = 0;
#pragma omp simd reduction(+ : dot)
  for (std::int64_t i = 0; i < n; ++i) {
    const Activation hidden = gelu_at(up[i]);
    const float d = dh[i];
    dot += d * hidden.value;
    weighted[i] = weight * hidden.value;
    d_up[i] = weight * d * hidden.slope;
  }
  return dot;
}

float swiglu_row_backward(float* weighted, float* d_gate, float* d_up, const float* gate, const float* up,
                          const float* dh, std::int64_t n, float weight) {
  float dot = 0;
#pragma omp simd reduction(+ : dot)
  for (std::int64_t i = 0; i < n; ++i) {
    const Activation silu = silu_at(gate[i]);
    const float u = up[i], d = dh[i], hidden = silu.value * u;
    dot += d * hidden;
    weighted[i] = weight * hidden;
    d_gate[i] = weight * d * u * silu.slope;
    d_up[i] = weight * d * silu.value;
  }
  return dot;
}

/// Rows of a matrix as f32: where they lie, or in a buffer that is filled and emptied.
template <class Scalar>
class Rows {
 public:
  explicit Rows(const Tensor& matrix) : width_(matrix.defined() ? matrix.size(1) : 0) {
    if (!matrix.defined()) return;
    assert(matrix.is_contiguous());
    data_ = static_cast<Scalar*>(const_cast<void*>(matrix.const_data_ptr()));
    if constexpr (!std::is_same_v<Scalar, float>) buffer_.resize(static_cast<std::size_t>(width_));
  }

  /// With what the matrix has there.
  const float* read(std::int64_t m) {
    if constexpr (std::is_same_v<Scalar, float>) {
      return data_ + m * width_;
    } else {
      widen_bf16(buffer_.data(), data_ + m * width_, width_);
      return buffer_.data();
    }
  }

  /// To be filled; finish() brings it to the matrix.
  float* place(std::int64_t m) {
    if constexpr (std::is_same_v<Scalar, float>) {
      return data_ + m * width_;
    } else {
      return buffer_.data();
    }
  }
  void finish(std::int64_t m) {
    if constexpr (!std::is_same_v<Scalar, float>) round_to_bf16(data_ + m * width_, buffer_.data(), width_);
  }

 private:
  std::int64_t width_;
  Scalar* data_ = nullptr;
  std::vector<float> buffer_;
};

template <class Scalar>
Tensor swiglu_as(const Tensor& gate_MF, const Tensor& up_MF) {
  Tensor hidden_MF = at::empty_like(up_MF);
  Rows<Scalar> gate(gate_MF), up(up_MF), hidden(hidden_MF);
  const std::int64_t width = up_MF.size(1);
  for (std::int64_t m = 0; m < up_MF.size(0); ++m) {
    vectorized<swiglu_row>(hidden.place(m), gate.read(m), up.read(m), width);
    hidden.finish(m);
  }
  return hidden_MF;
}

template <class Scalar>
HiddenGradients backward_as(const Tensor& gate_MF, const Tensor& up_MF, const Tensor& dh_MF, const Tensor& weights_M) {
  const bool gated = gate_MF.defined();
  HiddenGradients result{at::empty_like(up_MF), gated ? at::empty_like(up_MF) : Tensor(), at::empty_like(up_MF),
                         at::empty_like(weights_M)};
  Rows<Scalar> gate(gate_MF), up(up_MF), dh(dh_MF);
  Rows<Scalar> weighted(result.weighted_MF), d_gate(result.gate_MF), d_up(result.up_MF);
  const auto* const weights = weights_M.const_data_ptr<float>();
  auto* const dots = result.weights_M.mutable_data_ptr<float>();
  const std::int64_t width = up_MF.size(1);
  for (std::int64_t m = 0; m < up_MF.size(0); ++m) {
    if (gated) {
      dots[m] = vectorized<swiglu_row_backward>(weighted.place(m), d_gate.place(m), d_up.place(m), gate.read(m),
                                                up.read(m), dh.read(m), width, weights[m]);
      d_gate.finish(m);
    } else {
      dots[m] =
          vectorized<gelu_row_backward>(weighted.place(m), d_up.place(m), up.read(m), dh.read(m), width, weights[m]);
    }
    weighted.finish(m);
    d_up.finish(m);
  }
  return result;
}

}  // namespace

Tensor hidden_neurons(const Tensor& gate_MF, const Tensor& up_MF) {
  if (!gate_MF.defined()) return gelu_tanh(up_MF);
  return up_MF.scalar_type() == at::kFloat ? swiglu_as<float>(gate_MF, up_MF) : swiglu_as<at::BFloat16>(gate_MF, up_MF);
}

HiddenGradients hidden_neurons_backward(const Tensor& gate_MF, const Tensor& up_MF, const Tensor& dh_MF,
                                        const Tensor& weights_M) {
  return up_MF.scalar_type() == at::kFloat ? backward_as<float>(gate_MF, up_MF, dh_MF, weights_M)
                                           : backward_as<at::BFloat16>(gate_MF, up_MF, dh_MF, weights_M);
}

}  // namespace uncurl::kernels
