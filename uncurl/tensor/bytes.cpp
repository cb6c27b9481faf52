#include "uncurl/tensor/bytes.h"

#include <ATen/ATen.h>

#include <array>
#include <cassert>
#include <utility>

#include "uncurl/base/error.h"

namespace uncurl {
namespace {

constexpr std::array<std::pair<const char*, at::ScalarType>, 9> kTypes{{
    {"BF16", at::kBFloat16},
    {"F16", at::kHalf},
    {"F32", at::kFloat},
    {"F64", at::kDouble},
    {"I64", at::kLong},
    {"I32", at::kInt},
    {"I8", at::kChar},
    {"U8", at::kByte},
    {"BOOL", at::kBool},
}};

}  // namespace

std::optional<at::ScalarType> scalar_type(const std::string& dtype) {
  for (const auto& [name, type] : kTypes) {
    if (dtype == name) return type;
  }
  return std::nullopt;
}

std::string dtype_name(at::ScalarType type) {
  for (const auto& [name, known] : kTypes) {
    if (type == known) return name;
  }
  fail("dtype ", at::toString(type), " cannot be written to a safetensors file");
}

Tensor view_bytes(std::span<const std::byte> bytes, const std::string& dtype, const std::vector<std::int64_t>& shape,
                  std::shared_ptr<const void> owner) {
  const std::optional<at::ScalarType> type = scalar_type(dtype);
  check(type.has_value(), "dtype ", dtype, " cannot be computed with; known are BF16, F16, F32, F64 and integers");
  std::size_t expected = at::elementSize(*type);
  for (const std::int64_t size : shape) expected *= static_cast<std::size_t>(size);
  check(bytes.size() == expected, "found ", bytes.size(), " bytes, expected ", expected);
  void* data = const_cast<std::byte*>(bytes.data());
  return at::from_blob(
      data, shape, [owner = std::move(owner)](void*) {}, at::TensorOptions().dtype(*type));
}

std::span<const std::byte> bytes_of(const Tensor& tensor) {
  assert(tensor.is_contiguous() && tensor.is_cpu());
  return {static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()};
}

}  // namespace uncurl
