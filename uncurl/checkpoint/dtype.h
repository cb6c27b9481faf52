// The element types of the safetensors format and the sizes that follow from them.
// A file names its types as text ("BF16"); most of them are only carried, so they stay text until something computes.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace uncurl::checkpoint {

struct Dtype {
  std::string_view name;  ///< as in the file
  int bits;               ///< per element; below 8 for packed formats
  bool is_float;          ///< holds real numbers, scales included
};

/// Every known type, in the order of the format's reference implementation: by ascending size, so that tensors written
/// in descending order are all aligned.
std::span<const Dtype> dtypes();

/// nullptr if the format does not know the name.
const Dtype* find_dtype(std::string_view name);

/// Product of the dimensions; one for a scalar (empty shape).
/// @throws Error if a dimension is negative or the product, with zeros taken as one, does not fit into 63 bits
std::int64_t count_elements(std::span<const std::int64_t> shape);

/// Bytes of a dense tensor.
/// @throws Error as count_elements, for an unknown dtype, and if packed elements do not fill a whole number of bytes
std::uint64_t count_bytes(std::string_view dtype, std::span<const std::int64_t> shape);

}  // namespace uncurl::checkpoint
