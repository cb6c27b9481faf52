#include "uncurl/kernels/brgemm.h"

#include <ATen/native/CPUBlas.h>

#include <array>

namespace uncurl::kernels {
namespace {

namespace blas = at::native::cpublas;

/// 16 ones times 16 ones, in every place of a [16,16] product.
template <class Scalar>
bool works() {
  std::array<Scalar, 16 * 16> ones;
  ones.fill(Scalar(1.0f));
  std::array<float, 16 * 16> product{};
  try {
    brgemm({16, 16, 16, 16, 16, 16}, ones.data(), ones.data(), product.data(), /*add=*/false);
    release_brgemm();
  } catch (const c10::Error&) {  // this build of libtorch, or this processor, has none
    return false;
  }
  return product.front() == 16.0f && product.back() == 16.0f;
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
  static const bool float_works = works<float>();
  static const bool bf16_works = works<at::BFloat16>();
  return dtype == at::kFloat ? float_works : dtype == at::kBFloat16 && bf16_works;
}

}  // namespace uncurl::kernels
