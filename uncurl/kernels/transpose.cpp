#include "uncurl/kernels/transpose.h"

#include <algorithm>

#include "uncurl/kernels/cpu_level.h"

namespace uncurl::kernels {
namespace {

constexpr std::int64_t kTile = 16;  // floats in a line of the cache: a tile reads and writes whole lines

/// One whole tile, by way of a local one, where the compiler keeps it in vector registers.
void transpose_tile(float* to, std::int64_t to_stride, const float* from, std::int64_t from_stride) {
  float tile[kTile][kTile];
  for (std::int64_t r = 0; r < kTile; ++r) {
    for (std::int64_t c = 0; c < kTile; ++c) tile[c][r] = from[r * from_stride + c];
  }
  for (std::int64_t c = 0; c < kTile; ++c) std::copy_n(tile[c], kTile, to + c * to_stride);
}

}  // namespace

void transpose(float* to, std::int64_t to_stride, const float* from, std::int64_t from_stride, std::int64_t rows,
               std::int64_t columns) {
  for (std::int64_t r = 0; r < rows; r += kTile) {
    for (std::int64_t c = 0; c < columns; c += kTile) {
      float* const to_tile = to + c * to_stride + r;
      const float* const from_tile = from + r * from_stride + c;
      const std::int64_t height = std::min(kTile, rows - r), width = std::min(kTile, columns - c);
      if (height == kTile && width == kTile) {
        vectorized<transpose_tile>(to_tile, to_stride, from_tile, from_stride);
        continue;
      }
      for (std::int64_t i = 0; i < height; ++i) {
        for (std::int64_t j = 0; j < width; ++j) to_tile[j * to_stride + i] = from_tile[i * from_stride + j];
      }
    }
  }
}

}  // namespace uncurl::kernels
