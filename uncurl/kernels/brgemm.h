// Small products on one thread at the rate of the hardware: oneDNN's batch-reduce kernel, as libtorch exports it.
//
// bf16 factors are multiplied exactly and summed in fp32, so the product of two stored bf16 matrices is as exact as in
// fp32, at twice the speed.
#pragma once

#include <c10/core/ScalarType.h>
#include <c10/util/BFloat16.h>

#include <cstdint>

namespace uncurl::kernels {

/// True if brgemm() runs on this machine for factors of this dtype. Tried once.
bool has_brgemm(at::ScalarType dtype);

/// Sizes and strides (in elements) of c [M,N] = a [M,K] b [K,N], all row-major.
struct ProductShape {
  std::int64_t m, n, k, stride_a, stride_b, stride_c;
};

/// @param add  add to c instead of writing it
void brgemm(const ProductShape& shape, const float* a, const float* b, float* c, bool add);

/// @param b  in pairs of rows: element (i, j) lies at ((i / 2) * stride_b + j) * 2 + i % 2, and K is even
void brgemm(const ProductShape& shape, const at::BFloat16* a, const at::BFloat16* b, float* c, bool add);

/// What the thread's products hold of the hardware is given back; call it after the last one.
void release_brgemm();

/// Where element (i, j) of the second factor lies, as brgemm() wants it.
inline std::int64_t place_in_factor(std::int64_t i, std::int64_t j, std::int64_t stride, at::ScalarType dtype) {
  return dtype == at::kBFloat16 ? ((i / 2) * stride + j) * 2 + i % 2 : i * stride + j;
}

}  // namespace uncurl::kernels
