#include "uncurl/kernels/row_products.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "uncurl/kernels/brgemm.h"

namespace uncurl::kernels {
namespace {

constexpr std::int64_t kRows = 64;      // of a at a time
constexpr std::int64_t kColumns = 768;  // of the result at a time: with kDepth 3 MB of b, which stay in the cache
constexpr std::int64_t kDepth = 2048;

struct Range {
  std::int64_t begin, size;
};

template <class Visit>
void for_each_range(std::int64_t total, std::int64_t step, Visit visit) {
  for (std::int64_t begin = 0; begin < total; begin += step) visit(Range{begin, std::min(step, total - begin)});
}

/// Rows of b in a range of columns as brgemm wants a second factor: pairs of columns side by side, row after row.
Tensor packed_factor(const Tensor& b, Range rows, Range columns) {
  const Tensor pairs = b.view(at::kInt).narrow(0, rows.begin, rows.size);
  return pairs.narrow(1, columns.begin / 2, columns.size / 2).t().contiguous();
}

}  // namespace

bool has_bf16_row_products(std::int64_t row_length) { return row_length % 2 == 0 && has_brgemm(at::kBFloat16); }

Tensor bf16_row_products(const Tensor& a, const Tensor& b) {
  const std::int64_t m = a.size(0), n = b.size(0), depth = a.size(1);
  Tensor out = at::empty({m, n}, a.options().dtype(at::kFloat));
  const auto* const first = a.const_data_ptr<at::BFloat16>();
  auto* const result = out.data_ptr<float>();
  for_each_range(n, kColumns, [&](Range of_b) {
    for_each_range(depth, kDepth, [&](Range deep) {
      const Tensor factor = packed_factor(b, of_b, deep);
      const auto* const second = static_cast<const at::BFloat16*>(factor.const_data_ptr());
      for_each_range(m, kRows, [&](Range of_a) {
        brgemm({of_a.size, of_b.size, deep.size, depth, of_b.size, n}, first + of_a.begin * depth + deep.begin, second,
               result + of_a.begin * n + of_b.begin, /*add=*/deep.begin > 0);
      });
    });
  });
  release_brgemm();
  return out;
}

}  // namespace uncurl::kernels
