#include "uncurl/model/rows.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace uncurl::model {

std::int64_t PackedRows::longest() const {
  std::int64_t result = 0;
  for (std::size_t r = 0; r + 1 < begins.size(); ++r) {
    result = std::max(result, prefix(static_cast<std::int64_t>(r)).length + begins[r + 1] - begins[r]);
  }
  return result;
}

PackedRows pack_rows(const std::vector<std::vector<std::int32_t>>& rows) {
  std::vector<std::int64_t> ids;
  PackedRows packed{{}, {0}, {}};
  for (const std::vector<std::int32_t>& row : rows) {
    ids.insert(ids.end(), row.begin(), row.end());
    packed.begins.push_back(static_cast<std::int64_t>(ids.size()));
  }
  packed.ids_N = at::tensor(ids, at::kLong);
  return packed;
}

PackedRows slice_rows(const PackedRows& rows, std::int64_t first, std::int64_t end) {
  const std::int64_t begin = rows.begins[static_cast<std::size_t>(first)];
  PackedRows slice{{}, {}, {}};
  for (std::int64_t r = first; r <= end; ++r) slice.begins.push_back(rows.begins[static_cast<std::size_t>(r)] - begin);
  slice.ids_N = rows.ids_N.narrow(0, begin, slice.num_tokens());
  if (rows.prefixes.empty()) return slice;
  for (std::int64_t r = first; r < end; ++r) {
    const Prefix prefix = rows.prefix(r);
    slice.prefixes.push_back({prefix.row < 0 ? -1 : prefix.row - first, prefix.length});
  }
  return slice;
}

std::vector<RowRange> row_chunks(const PackedRows& rows, std::int64_t max_tokens) {
  std::vector<RowRange> chunks;
  std::int64_t first = 0;
  const auto begin_of = [&](std::int64_t row) { return rows.begins[static_cast<std::size_t>(row)]; };
  for (std::int64_t row = 0; row < rows.num_rows(); ++row) {
    const bool stands_alone = rows.prefix(row).row < 0;
    if (!stands_alone) continue;
    std::int64_t end = row + 1;  // of this row and those that continue it
    while (end < rows.num_rows() && rows.prefix(end).row >= 0) ++end;
    if (row > first && begin_of(end) - begin_of(first) > max_tokens) {
      chunks.push_back({first, row});
      first = row;
    }
  }
  if (first < rows.num_rows()) chunks.push_back({first, rows.num_rows()});
  return chunks;
}

std::vector<nn::CountedRow> counted_rows(const PackedRows& rows) {
  std::vector<nn::CountedRow> counted;
  for (std::int64_t r = 0; r < rows.num_rows(); ++r) {
    const auto index = static_cast<std::size_t>(r);
    const Prefix prefix = rows.prefix(r);
    counted.push_back({rows.begins[index], rows.begins[index + 1],
                       prefix.row < 0 ? 0 : rows.begins[static_cast<std::size_t>(prefix.row)], prefix.length});
  }
  return counted;
}

Tensor positions(const PackedRows& rows) {
  std::vector<Tensor> parts;
  for (std::size_t r = 0; r + 1 < rows.begins.size(); ++r) {
    const std::int64_t start = rows.prefix(static_cast<std::int64_t>(r)).length;
    parts.push_back(at::arange(start, start + rows.begins[r + 1] - rows.begins[r], at::kLong));
  }
  return parts.empty() ? at::empty({0}, at::kLong) : at::cat(parts);
}

}  // namespace uncurl::model
