// The safetensors format: eight bytes of header length (little-endian), a JSON header, then the bytes of all tensors.
// Specification: github.com/huggingface/safetensors, "Format". Only bytes here: dtypes that nobody can compute with are
// read and written like any other; uncurl/tensor makes at::Tensor of the rest.
//
// Nothing of a file is believed before it is checked. parse_safetensors_header refuses:
//    1 a file shorter than the eight bytes of the header length (and says so when it is a Git LFS pointer)
//    2 a header longer than the file, or than 100 MB
//    3 a header that does not begin with '{', is not JSON in UTF-8 up to its last byte, or nests too deep
//    4 a key that appears twice, in any object
//    5 metadata ("__metadata__") that is neither null nor a map from string to string
//    6 a tensor entry with other keys than dtype, shape and data_offsets, or without one of them
//    7 an unknown dtype
//    8 a shape that is not a list of integers >= 0, or whose product overflows
//    9 offsets that are not two integers, run backwards, or leave the file
//   10 a byte range whose length is not that of the dtype and shape; packed elements that do not fill whole bytes
//   11 tensors that overlap, bytes between them or after the last one that belong to none
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "uncurl/base/input_file.h"
#include "uncurl/base/json.h"

namespace uncurl::checkpoint {

/// A tensor as one declares it.
struct TensorSpec {
  std::string name;
  std::string dtype;  ///< as in the file: "BF16", "F32", "F8_E4M3", ...
  std::vector<std::int64_t> shape;

  bool operator==(const TensorSpec&) const = default;
};

/// A tensor as it lies in a file.
struct TensorInfo {
  std::string name;
  std::string dtype;  ///< as in the file
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  ///< byte range inside the file, counted from its first byte
  std::uint64_t end = 0;
  int file = 0;  ///< index into the checkpoint's files

  std::uint64_t num_bytes() const { return end - begin; }
  std::int64_t num_elements() const;
  TensorSpec spec() const { return {name, dtype, shape}; }
};

struct SafetensorsFile {
  std::vector<TensorInfo> tensors;  ///< in the order of their bytes
  Json metadata;                    ///< an object of strings, empty if the file has none
};

/// Reads the header of a whole file in memory. No tensor bytes are touched.
/// @param name  the file's name, for messages
/// @throws      Error for everything listed above
SafetensorsFile parse_safetensors_header(std::span<const std::byte> file, const std::string& name);

/// The same for a file, of which no more than the header is read.
SafetensorsFile read_safetensors_header(const InputFile& file);

/// The bytes before the first tensor: length and header, for tensors that lie one after the other in the given order.
/// Padded with spaces to a multiple of eight bytes; an empty `metadata` is left out.
/// @throws Error if a name is used twice, reserved or not UTF-8, a dtype unknown, a shape invalid, or a value of the
///         metadata is not a string
std::string safetensors_header(std::span<const TensorSpec> tensors, const Json& metadata);

}  // namespace uncurl::checkpoint
