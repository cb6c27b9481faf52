#include "uncurl/kernels/linear_gradients.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "uncurl/kernels/onednn_linear.h"
#include "uncurl/kernels/parallel_tasks.h"
#include "uncurl/kernels/sum_in_order.h"
#include "uncurl/kernels/sum_rows.h"

namespace uncurl::kernels {
namespace {

constexpr std::int64_t kRowsAtOnce = 1024;
// Of numbers; the gradient of a larger weight is work enough for all threads, and too large to be held in parts.
constexpr std::int64_t kSmallWeight = 1 << 19;

std::int64_t rows_at_once(const Tensor& x, const std::vector<MapGradient>& maps) {
  const bool small =
      std::all_of(maps.begin(), maps.end(), [](const MapGradient& map) { return map.weight.numel() <= kSmallWeight; });
  return small ? kRowsAtOnce : std::max<std::int64_t>(x.size(0), 1);
}

/// What some rows of x and dy give: for dx, where it is defined, what is written to these rows of it; for the weights
/// and biases that want it a term each, in the order of the maps.
std::vector<Tensor> terms_of_rows_(Tensor& dx, const Tensor& x, const std::vector<MapGradient>& maps,
                                   std::int64_t begin, std::int64_t length) {
  std::vector<Tensor> terms;
  const Tensor x_rows = x.narrow(0, begin, length);
  Tensor dx_rows = dx.defined() ? dx.narrow(0, begin, length) : Tensor();
  for (std::size_t m = 0; m < maps.size(); ++m) {
    const Tensor dy = maps[m].dy.narrow(0, begin, length);
    if (dx.defined()) onednn_linear_into_(dx_rows, dy, maps[m].weight.t(), /*add=*/m > 0);
    if (maps[m].wants_weight) terms.push_back(weight_gradient(dy, x_rows));
    if (maps[m].wants_bias) terms.push_back(sum_rows(dy));
  }
  return terms;
}

}  // namespace

LinearGradients linear_gradients(const Tensor& x, const std::vector<MapGradient>& maps, bool wants_x) {
  Tensor dx = wants_x ? at::empty(x.sizes(), x.options()) : Tensor();
  const std::int64_t rows = x.size(0), step = rows_at_once(x, maps);
  std::vector<Tensor> terms;
  if (rows <= step) {
    terms = terms_of_rows_(dx, x, maps, 0, rows);
  } else {
    SumInOrder sum;
    run_gradient_tasks(static_cast<std::size_t>((rows + step - 1) / step), [&](std::size_t i) {
      const std::int64_t begin = static_cast<std::int64_t>(i) * step;
      sum.add(i, terms_of_rows_(dx, x, maps, begin, std::min(step, rows - begin)));
    });
    terms = sum.take();
  }
  LinearGradients result{dx, {}, {}};
  auto next = terms.begin();
  for (const MapGradient& map : maps) {
    result.weights.push_back(map.wants_weight ? *next++ : Tensor());
    result.biases.push_back(map.wants_bias ? *next++ : Tensor());
  }
  return result;
}

}  // namespace uncurl::kernels
