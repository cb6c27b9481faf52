#include "uncurl/kernels/brgemm.h"

#include <ATen/native/CPUBlas.h>

#include <array>
#include <exception>
#include <vector>

namespace uncurl::kernels {
namespace {

namespace blas = at::native::cpublas;

/// Whether a product of ones sums 16 and 512 of them, the least and the most that attention sums at a time: processors
/// with matrix tiles take other code for short sums than for long ones.
template <class Scalar>
bool works() {
  constexpr std::int64_t kSize = 16;
  for (const std::int64_t depth : {16, 512}) {
    const std::vector<Scalar> ones(static_cast<std::size_t>(kSize * depth), Scalar(1.0f));
    std::array<float, kSize * kSize> product{};
    try {
      brgemm({kSize, kSize, depth, depth, kSize, kSize}, ones.data(), ones.data(), product.data(), /*add=*/false);
      release_brgemm();
    } catch (const std::exception&) {  // libtorch throws c10::Error where it has none, oneDNN its own for a processor
      return false;
    }
    const auto sum = static_cast<float>(depth);
    if (product.front() != sum || product.back() != sum) return false;
  }
  return true;
}

}  // namespace

void brgemm(const ProductShape& shape, const float* a, const float* b, float* c, bool add) {
  blas::brgemm(shape.m, shape.n, shape.k, shape.stride_a, shape.stride_b, shape.stride_c, add, a, b, c,
               /*is_vnni=*/false);
}

void brgemm(const ProductShape& shape, const at::BFloat16* a, const at::BFloat16* b, float* c, bool add) {
  blas::brgemm(shape.m, shape.n, shape.k, shape.stride_a, shape.stride_b, shape.stride_c, add, a, b, c,
               /*is_vnni=*/true);
}

void release_brgemm() { blas::brgemm_release(); }

bool has_brgemm(at::ScalarType dtype) {
  if (dtype == at::kFloat) {
    static const bool float_works = works<float>();
    return float_works;
  }
  if (dtype != at::kBFloat16) return false;
  static const bool bf16_works = works<at::BFloat16>();
  return bf16_works;
}

}  // namespace uncurl::kernels
