// Bytes of a file as tensors and back: the only place where a dtype's name in a file meets libtorch's.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace uncurl {

using at::Tensor;

/// The libtorch dtype of a safetensors dtype name ("BF16"), or nothing if this program cannot compute with it.
std::optional<at::ScalarType> scalar_type(const std::string& dtype);

/// The safetensors name of a libtorch dtype. @throws Error for one that has none here
std::string dtype_name(at::ScalarType type);

/// The bytes of a contiguous CPU tensor; valid as long as the tensor.
std::span<const std::byte> bytes_of(const Tensor& tensor);
std::span<std::byte> writable_bytes_of(const Tensor& tensor);  ///< of one that was just made, to be filled

}  // namespace uncurl
