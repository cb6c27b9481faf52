#include "uncurl/checkpoint/dtype.h"

#include <algorithm>
#include <array>
#include <string>

#include "uncurl/base/error.h"

namespace uncurl::checkpoint {

namespace {

constexpr std::array kDtypes = {
    Dtype{"BOOL", 8, false},   Dtype{"F4", 4, true},          Dtype{"F6_E2M3", 6, true},     Dtype{"F6_E3M2", 6, true},
    Dtype{"U8", 8, false},     Dtype{"I8", 8, false},         Dtype{"F8_E5M2", 8, true},     Dtype{"F8_E4M3", 8, true},
    Dtype{"F8_E8M0", 8, true}, Dtype{"F8_E4M3FNUZ", 8, true}, Dtype{"F8_E5M2FNUZ", 8, true}, Dtype{"I16", 16, false},
    Dtype{"U16", 16, false},   Dtype{"F16", 16, true},        Dtype{"BF16", 16, true},       Dtype{"I32", 32, false},
    Dtype{"U32", 32, false},   Dtype{"F32", 32, true},        Dtype{"C64", 64, false},       Dtype{"F64", 64, true},
    Dtype{"I64", 64, false},   Dtype{"U64", 64, false},
};

std::string known_names() {
  std::string names;
  for (const Dtype& dtype : kDtypes) names.append(names.empty() ? "" : ", ").append(dtype.name);
  return names;
}

std::string text(std::span<const std::int64_t> shape) {
  std::string text;
  for (const std::int64_t size : shape) text.append(text.empty() ? "" : ",").append(std::to_string(size));
  return concat("[", text, "]");
}

}  // namespace

std::span<const Dtype> dtypes() { return kDtypes; }

const Dtype* find_dtype(std::string_view name) {
  const auto found =
      std::find_if(kDtypes.begin(), kDtypes.end(), [&](const Dtype& dtype) { return dtype.name == name; });
  return found == kDtypes.end() ? nullptr : &*found;
}

std::int64_t count_elements(std::span<const std::int64_t> shape) {
  std::int64_t product = 1;
  bool empty = false;
  for (const std::int64_t size : shape) {
    if (size < 0) fail("shape ", text(shape), " has a negative dimension");
    if (size == 0) empty = true;
    // Zeros count as one: strides are products too, and must not overflow in a tensor without elements either.
    if (__builtin_mul_overflow(product, std::max<std::int64_t>(size, 1), &product)) {
      fail("shape ", text(shape), " has more elements than fit into 63 bits");
    }
  }
  return empty ? 0 : product;
}

std::uint64_t count_bytes(std::string_view dtype, std::span<const std::int64_t> shape) {
  const Dtype* const type = find_dtype(dtype);
  if (type == nullptr) fail("dtype '", dtype, "' is not one of the safetensors format (", known_names(), ")");
  std::uint64_t bits = 0;
  if (__builtin_mul_overflow(static_cast<std::uint64_t>(count_elements(shape)), static_cast<std::uint64_t>(type->bits),
                             &bits)) {
    fail("shape ", text(shape), " of ", dtype, " has more bits than fit into 64 bits");
  }
  if (bits % 8 != 0) fail("shape ", text(shape), " of ", dtype, " does not fill a whole number of bytes");
  return bits / 8;
}

}  // namespace uncurl::checkpoint
