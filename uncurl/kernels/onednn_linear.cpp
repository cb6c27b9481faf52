#include "uncurl/kernels/onednn_linear.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>
#include <optional>

namespace at::native {

/// result = beta result + alpha a b, on oneDNN. Exported by libtorch, without a header that is installed.
void mkldnn_matmul(const Tensor& a, const Tensor& b, const Tensor& result, float beta, float alpha);

}  // namespace at::native

namespace uncurl::kernels {
namespace {

using Schema = Tensor(const Tensor&, const Tensor&, const std::optional<Tensor>&, std::string_view,
                      c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);

const std::optional<c10::TypedOperatorHandle<Schema>>& onednn_operator() {
  static const auto handle = []() -> std::optional<c10::TypedOperatorHandle<Schema>> {
    const auto found = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
    if (!found || !found->hasKernelForDispatchKey(c10::DispatchKey::CPU)) return std::nullopt;
    return found->typed<Schema>();
  }();
  return handle;
}

bool fits_onednn(const Tensor& x) { return x.scalar_type() == at::kFloat && x.numel() > 0 && onednn_operator(); }

// From these sizes on oneDNN (brgemm_matmul) lets threads take a part each of a sum, so that roundings change with
// their number: sums over the rows of a transposed factor, and any where the result is small.
constexpr std::int64_t kSharedRows = 2048, kSharedDepth = 20000, kSmall = 512;
constexpr std::int64_t kPart = 2016;  // of a sum that is cut

bool is_shared(const Tensor& x, const Tensor& weight) {
  const bool is_row = x.size(0) == 1 && weight.stride(0) == 1 && x.size(1) >= kSharedRows;  // a transposed column
  return is_row || (x.size(1) >= kSharedDepth && x.size(0) <= kSmall && weight.size(0) <= kSmall);
}

/// sum (+)= a b, some columns of a and rows of b after the other.
void product_in_parts(const Tensor& sum, const Tensor& a, const Tensor& b, bool add) {
  for (std::int64_t begin = 0; begin < b.size(0); begin += kPart) {
    const std::int64_t length = std::min(kPart, b.size(0) - begin);
    at::native::mkldnn_matmul(a.narrow(1, begin, length), b.narrow(0, begin, length), sum,
                              /*beta=*/add || begin > 0 ? 1.0f : 0.0f, /*alpha=*/1.0f);
  }
}

/// dy^T x in bf16, its parts summed in f32.
Tensor bf16_weight_gradient(const Tensor& dy, const Tensor& x) {
  if (x.size(0) < kSharedRows) return at::mm(dy.t(), x);
  Tensor sum = at::zeros({dy.size(1), x.size(1)}, x.options().dtype(at::kFloat));
  for (std::int64_t begin = 0; begin < x.size(0); begin += kPart) {
    const std::int64_t length = std::min(kPart, x.size(0) - begin);
    sum.add_(at::mm(dy.narrow(0, begin, length).t(), x.narrow(0, begin, length)));
  }
  return sum.to(x.scalar_type());
}

}  // namespace

Tensor onednn_linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (!fits_onednn(x)) {
    return bias.defined() ? at::linear(x, weight, bias) : at::linear(x, weight);
  }
  if (is_shared(x, weight)) {
    Tensor y = at::empty({x.size(0), weight.size(0)}, x.options());
    product_in_parts(y, x, weight.t(), /*add=*/false);
    return bias.defined() ? y.add_(bias) : y;
  }
  return onednn_operator()->call(x, weight, bias.defined() ? std::optional(bias) : std::nullopt, "none",
                                 c10::List<std::optional<at::Scalar>>(), std::nullopt);
}

Tensor weight_gradient(const Tensor& dy, const Tensor& x) {
  if (x.scalar_type() == at::kBFloat16) return bf16_weight_gradient(dy, x);
  if (!fits_onednn(x)) return at::mm(dy.t(), x);
  Tensor result = at::empty({dy.size(1), x.size(1)}, x.options());
  product_in_parts(result, dy.t(), x, /*add=*/false);
  return result;
}

void add_weight_gradient_(Tensor& sum, const Tensor& dy, const Tensor& x) {
  if (fits_onednn(x)) {
    product_in_parts(sum, dy.t(), x, /*add=*/true);
  } else {
    sum.add_(weight_gradient(dy, x));
  }
}

}  // namespace uncurl::kernels
