// Bytes of a file as tensors and back: the only place where a dtype's name in a file meets libtorch's.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <memory>
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

/// A read-only view of `bytes` as a tensor; it keeps `owner` alive. Never apply an in-place operation to it: the
/// memory may be a read-only mapping. @throws Error if the dtype is unknown or sizes disagree
Tensor view_bytes(std::span<const std::byte> bytes, const std::string& dtype, const std::vector<std::int64_t>& shape,
                  std::shared_ptr<const void> owner);

/// The bytes of a contiguous CPU tensor; valid as long as the tensor.
std::span<const std::byte> bytes_of(const Tensor& tensor);

}  // namespace uncurl
