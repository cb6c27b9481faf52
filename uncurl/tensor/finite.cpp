#include "uncurl/tensor/finite.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <atomic>
#include <cassert>
#include <cstring>

namespace uncurl {
namespace {

/// A float is NaN or infinite where all bits of its exponent are set. Views of files may be unaligned.
template <class Word>
bool no_full_exponent(const void* data, std::int64_t count, Word exponent) {
  const char* const bytes = static_cast<const char*>(data);
  std::atomic<bool> found{false};
  at::parallel_for(0, count, /*grain_size=*/1 << 18, [&](std::int64_t begin, std::int64_t end) {
    Word any = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      Word word;
      std::memcpy(&word, bytes + static_cast<std::size_t>(i) * sizeof(Word), sizeof(Word));
      any |= static_cast<Word>((word & exponent) == exponent);
    }
    if (any != 0) found = true;
  });
  return !found;
}

}  // namespace

bool all_finite(const at::Tensor& tensor) {
  assert(tensor.is_contiguous() && tensor.is_cpu());
  const void* const data = tensor.const_data_ptr();
  switch (tensor.scalar_type()) {
    case at::kBFloat16:
      return no_full_exponent<std::uint16_t>(data, tensor.numel(), 0x7f80);
    case at::kHalf:
      return no_full_exponent<std::uint16_t>(data, tensor.numel(), 0x7c00);
    case at::kFloat:
      return no_full_exponent<std::uint32_t>(data, tensor.numel(), 0x7f800000u);
    default:
      return at::isfinite(tensor).all().item<bool>();
  }
}

}  // namespace uncurl
