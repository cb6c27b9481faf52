#include "uncurl/kernels/linear_gradients.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "uncurl/kernels/onednn_linear.h"
#include "uncurl/kernels/parallel_tasks.h"
#include "uncurl/kernels/sum_in_order.h"
#include "uncurl/kernels/sum_rows.h"

namespace uncurl::kernels {
namespace {

constexpr std::int64_t kBlockRows = 1024;  // a thread takes at once
constexpr std::int64_t kSmallWeight =
    1 << 19;  // numbers; the gradient of a larger one is product enough for all threads

std::int64_t rows_at_once(const Tensor& x, const std::vector<MapGradient>& maps) {
  const bool small =
      std::all_of(maps.begin(), maps.end(), [](const MapGradient& map) { return map.weight.numel() <= kSmallWeight; });
  return small ? kBlockRows : std::max<std::int64_t>(x.size(0), 1);
}

/// Rows of x, of dy and of the gradient by x, which is written there.
std::vector<Tensor> gradients_of_rows(const Tensor& dx, const Tensor& x, const std::vector<MapGradient>& maps,
                                      std::int64_t begin, std::int64_t length) {
  std::vector<Tensor> of_tensors;
  const Tensor x_rows = x.narrow(0, begin, length);
  for (std::size_t m = 0; m < maps.size(); ++m) {
    const Tensor dy = maps[m].dy.narrow(0, begin, length);
    if (dx.defined()) onednn_linear_into(dx.narrow(0, begin, length), dy, maps[m].weight.t(), /*add=*/m > 0);
    if (maps[m].wants_weight) of_tensors.push_back(weight_gradient(dy, x_rows));
    if (maps[m].wants_bias) of_tensors.push_back(sum_rows(dy));
  }
  return of_tensors;
}

}  // namespace

LinearGradients linear_gradients(const Tensor& x, const std::vector<MapGradient>& maps, bool wants_x) {
  const Tensor dx = wants_x ? at::empty(x.sizes(), x.options()) : Tensor();
  const std::int64_t rows = x.size(0), step = rows_at_once(x, maps);
  std::vector<Tensor> of_tensors;
  if (rows <= step) {
    of_tensors = gradients_of_rows(dx, x, maps, 0, rows);
  } else {
    SumInOrder sum;
    run_gradient_tasks(static_cast<std::size_t>((rows + step - 1) / step), [&](std::size_t i) {
      const std::int64_t begin = static_cast<std::int64_t>(i) * step;
      sum.add(i, gradients_of_rows(dx, x, maps, begin, std::min(step, rows - begin)));
    });
    of_tensors = sum.take();
  }
  LinearGradients result{dx, {}, {}};
  auto next = of_tensors.begin();
  for (const MapGradient& map : maps) {
    result.weights.push_back(map.wants_weight ? *next++ : Tensor());
    result.biases.push_back(map.wants_bias ? *next++ : Tensor());
  }
  return result;
}

}  // namespace uncurl::kernels
