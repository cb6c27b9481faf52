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

std::span<const std::byte> bytes_of(const Tensor& tensor) {
  assert(tensor.is_contiguous() && tensor.is_cpu());
  return {static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()};
}

std::span<std::byte> writable_bytes_of(const Tensor& tensor) {
  assert(tensor.is_contiguous() && tensor.is_cpu());
  return {static_cast<std::byte*>(tensor.mutable_data_ptr()), tensor.nbytes()};
}

}  // namespace uncurl
