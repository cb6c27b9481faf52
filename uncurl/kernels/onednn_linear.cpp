#include "uncurl/kernels/onednn_linear.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <optional>

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

}  // namespace

Tensor onednn_linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (x.scalar_type() != at::kFloat || x.size(0) == 0 || !onednn_operator()) {
    return bias.defined() ? at::linear(x, weight, bias) : at::linear(x, weight);
  }
  Tensor y =
      onednn_operator()->call(x, weight, std::nullopt, "none", c10::List<std::optional<at::Scalar>>(), std::nullopt);
  return bias.defined() ? y.add_(bias) : y;
}

Tensor sum_rows(const Tensor& x) { return onednn_linear(at::ones({1, x.size(0)}, x.options()), x.t()).squeeze(0); }

}  // namespace uncurl::kernels
