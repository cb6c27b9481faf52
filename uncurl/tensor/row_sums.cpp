#include "uncurl/tensor/row_sums.h"

#include <ATen/ATen.h>

#include <optional>

#include "uncurl/tensor/threads.h"

namespace uncurl {
namespace {

template <class Reduce>
Tensor reduced(const Tensor& x_NV, Reduce reduce) {
  std::optional<SingleThread> single;
  if (x_NV.size(0) == 1) single.emplace();
  return reduce(x_NV);
}

}  // namespace

Tensor sum_of_rows(const Tensor& x_NV) {
  return reduced(x_NV, [](const Tensor& x) { return x.sum(-1, /*keepdim=*/false, at::kDouble); });
}

Tensor log_sum_exp_of_rows(const Tensor& x_NV) {
  return reduced(x_NV, [](const Tensor& x) { return x.logsumexp(-1); });
}

}  // namespace uncurl
