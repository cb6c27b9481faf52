// Rows in blocks of one size over the threads of libtorch. What is summed in each block and then over the blocks in
// order does not depend on the number of threads.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

namespace uncurl::kernels {

constexpr std::int64_t kBlockRows = 64;

inline std::int64_t row_blocks(std::int64_t rows) { return (rows + kBlockRows - 1) / kBlockRows; }

/// work(block, first_row, num_rows) for each of the row_blocks(rows).
template <class Work>
void for_each_row_block(std::int64_t rows, Work work) {
  at::parallel_for(0, row_blocks(rows), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t first = block * kBlockRows;
      work(block, first, std::min(kBlockRows, rows - first));
    }
  });
}

}  // namespace uncurl::kernels
