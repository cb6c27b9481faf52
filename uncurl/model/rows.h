// Rows of token ids packed end to end without padding, as the model runs them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace uncurl::model {

using at::Tensor;

struct PackedRows {
  Tensor ids_N;                      ///< int64
  std::vector<std::int64_t> begins;  ///< row r is tokens begins[r] .. begins[r+1]-1; B+1 entries

  std::int64_t num_tokens() const { return begins.back(); }
  std::int64_t num_rows() const { return static_cast<std::int64_t>(begins.size()) - 1; }
  std::int64_t longest() const;
};

PackedRows pack_rows(const std::vector<std::vector<std::int32_t>>& rows);

/// Rows [first, end) as packed rows of their own.
PackedRows slice_rows(const PackedRows& rows, std::int64_t first, std::int64_t end);

/// Cuts the rows into runs of at most `max_tokens` tokens (one row at least): B' pairs [first, end) of rows.
struct RowRange {
  std::int64_t first, end;
};
std::vector<RowRange> row_chunks(const PackedRows& rows, std::int64_t max_tokens);

/// Position of every token within its row: [N] int64.
Tensor positions(const PackedRows& rows);

}  // namespace uncurl::model
