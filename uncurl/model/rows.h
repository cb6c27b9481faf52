// Rows of token ids packed end to end without padding, as the model runs them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "uncurl/nn/capacity.h"

namespace uncurl::model {

using at::Tensor;

/// What a row continues: the first `length` tokens of an earlier row that continues none itself. Texts that begin alike
/// (a prompt with four answers) need their beginning run only once.
struct Prefix {
  std::int64_t row = -1;  ///< -1: the row stands alone
  std::int64_t length = 0;
};

struct PackedRows {
  Tensor ids_N;                       ///< int64
  std::vector<std::int64_t> begins;   ///< row r is tokens begins[r] .. begins[r+1]-1; B+1 entries
  std::vector<Prefix> prefixes = {};  ///< one a row; empty: every row stands alone

  std::int64_t num_tokens() const { return begins.back(); }
  std::int64_t num_rows() const { return static_cast<std::int64_t>(begins.size()) - 1; }
  std::int64_t longest() const;  ///< with its prefix
  Prefix prefix(std::int64_t row) const {
    return prefixes.empty() ? Prefix{} : prefixes[static_cast<std::size_t>(row)];
  }
};

PackedRows pack_rows(const std::vector<std::vector<std::int32_t>>& rows);

/// Rows [first, end) as packed rows of their own. What they continue must be among them.
PackedRows slice_rows(const PackedRows& rows, std::int64_t first, std::int64_t end);

/// Cuts the rows into runs of at most `max_tokens` tokens (one row at least): B' pairs [first, end) of rows. A row
/// stays with the row that it continues.
struct RowRange {
  std::int64_t first, end;
};
std::vector<RowRange> row_chunks(const PackedRows& rows, std::int64_t max_tokens);

/// The same rows as nn::served counts them.
std::vector<nn::CountedRow> counted_rows(const PackedRows& rows);

/// Position of every token within its text, prefix included: [N] int64.
Tensor positions(const PackedRows& rows);

}  // namespace uncurl::model
