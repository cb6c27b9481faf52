// Transposes in fp32, tile by tile.
#pragma once

#include <cstdint>

namespace uncurl::kernels {

/// to[c * to_stride + r] = from[r * from_stride + c] for all rows r and columns c, on the thread that asks. A tile is a
/// line of the cache wide and high.
void transpose(float* to, std::int64_t to_stride, const float* from, std::int64_t from_stride, std::int64_t rows,
               std::int64_t columns);

}  // namespace uncurl::kernels
