#include "uncurl/eval/finite.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "uncurl/base/error.h"
#include "uncurl/tensor/finite.h"

namespace uncurl::eval {

void check_hidden(const Tensor& hidden_ND, const model::PackedRows& rows, std::int64_t layer, const NameOfRow& name) {
  if (all_finite(hidden_ND)) return;
  const std::int64_t token = hidden_ND.isfinite().all(-1).logical_not().nonzero()[0].item<std::int64_t>();
  const auto next = std::upper_bound(rows.begins.begin(), rows.begins.end(), token);
  const std::int64_t row = next - rows.begins.begin() - 1;
  const std::int64_t place = rows.prefix(row).length + token - rows.begins[static_cast<std::size_t>(row)];
  fail_not_finite(name(row), concat("layer ", layer, ": the hidden state of token ", place), hidden_ND.scalar_type());
}

void fail_not_finite(const std::string& text, const std::string& what, at::ScalarType dtype) {
  fail(text, ": ", what, " is NaN or infinite, expected finite numbers; the checkpoint is damaged",
       dtype == at::kFloat ? " (download or convert it again)" : " or overflows in this dtype (try --dtype f32)");
}

}  // namespace uncurl::eval
