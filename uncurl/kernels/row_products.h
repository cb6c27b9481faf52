// Inner products of all rows of one matrix with all rows of another, on the thread that asks.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl::kernels {

using at::Tensor;

/// True if bf16_row_products() runs here for rows of this length.
bool has_bf16_row_products(std::int64_t row_length);

/// @param a [M,D], @param b [N,D], bf16, contiguous, D even
/// @return  [M,N] fp32: each product of two bf16 numbers is exact and their sum is fp32, at twice the speed of fp32
Tensor bf16_row_products(const Tensor& a, const Tensor& b);

}  // namespace uncurl::kernels
