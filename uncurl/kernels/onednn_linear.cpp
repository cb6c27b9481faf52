#include "uncurl/kernels/onednn_linear.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>
#include <exception>
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

/// Tried once: libtorch refuses fp32 here on processors without AVX-512.
bool has_onednn_matmul() {
  static const bool has = []() {
    if (!onednn_operator()) return false;
    const Tensor one = at::ones({1, 1}), product = at::zeros({1, 1});
    try {
      at::native::mkldnn_matmul(one, one, product, /*beta=*/0, /*alpha=*/1);
    } catch (const std::exception&) {  // c10::Error, or oneDNN's own
      return false;
    }
    return product.item<float>() == 1;
  }();
  return has;
}

bool fits_onednn(const Tensor& x) { return x.scalar_type() == at::kFloat && x.numel() > 0 && onednn_operator(); }

// From these sizes on oneDNN lets threads take a part each of a sum, so that roundings change with their number: sums
// over the rows of a transposed factor, and in fp32 any where the result is small.
constexpr std::int64_t kSharedRows = 2048, kSharedDepth = 20000, kSmall = 512;
constexpr std::int64_t kPart = 2016;  // of a sum that is cut

/// visit(begin, length) for each part of a sum over `total` terms, in order.
template <class Visit>
void for_each_part(std::int64_t total, Visit visit) {
  for (std::int64_t begin = 0; begin < total; begin += kPart) visit(begin, std::min(kPart, total - begin));
}

bool is_long_with_small_result(const Tensor& x, const Tensor& weight) {
  return x.size(1) >= kSharedDepth && x.size(0) <= kSmall && weight.size(0) <= kSmall;
}

/// A row by columns is a sum that oneDNN shares out from a few hundred terms on, on some processors; a row by rows is
/// not.
Tensor linear_by_operator(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const bool is_row_by_columns = x.size(0) == 1 && weight.stride(0) == 1;
  return onednn_operator()->call(x, is_row_by_columns ? weight.clone(at::MemoryFormat::Contiguous) : weight,
                                 bias.defined() ? std::optional(bias) : std::nullopt, "none",
                                 c10::List<std::optional<at::Scalar>>(), std::nullopt);
}

/// sum (+)= a b
void product(const Tensor& sum, const Tensor& a, const Tensor& b, bool add) {
  if (has_onednn_matmul()) {
    at::native::mkldnn_matmul(a, b, sum, /*beta=*/add ? 1.0f : 0.0f, /*alpha=*/1.0f);
  } else if (add) {
    sum.add_(linear_by_operator(a, b.t(), {}));
  } else {
    sum.copy_(linear_by_operator(a, b.t(), {}));
  }
}

/// The same, some columns of a and rows of b after the other.
void product_in_parts(const Tensor& sum, const Tensor& a, const Tensor& b, bool add) {
  for_each_part(b.size(0), [&](std::int64_t begin, std::int64_t length) {
    product(sum, a.narrow(1, begin, length), b.narrow(0, begin, length), add || begin > 0);
  });
}

/// dy^T x in bf16: each part is rounded, and their sum in f32 once more.
Tensor bf16_weight_gradient(const Tensor& dy, const Tensor& x) {
  if (x.size(0) < kSharedRows) return at::mm(dy.t(), x);
  Tensor sum = at::zeros({dy.size(1), x.size(1)}, x.options().dtype(at::kFloat));
  for_each_part(x.size(0), [&](std::int64_t begin, std::int64_t length) {
    sum.add_(at::mm(dy.narrow(0, begin, length).t(), x.narrow(0, begin, length)));
  });
  return sum.to(x.scalar_type());
}

}  // namespace

Tensor onednn_linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (!fits_onednn(x)) {
    return bias.defined() ? at::linear(x, weight, bias) : at::linear(x, weight);
  }
  if (is_long_with_small_result(x, weight)) {
    Tensor y = at::empty({x.size(0), weight.size(0)}, x.options());
    product_in_parts(y, x, weight.t(), /*add=*/false);
    return bias.defined() ? y.add_(bias) : y;
  }
  return linear_by_operator(x, weight, bias);
}

void onednn_linear_into_(Tensor& y, const Tensor& x, const Tensor& weight, bool add) {
  const bool is_product = fits_onednn(x) && has_onednn_matmul() && x.size(0) > 1;
  if (is_product && !is_long_with_small_result(x, weight)) {
    product(y, x, weight.t(), add);
  } else if (add) {
    y.add_(onednn_linear(x, weight));
  } else {
    y.copy_(onednn_linear(x, weight));
  }
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
