// Shape checks at the borders: one line, and the message names the tensor.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace uncurl {

using at::Tensor;

/// @throws Error such as "layer 3 router is [60, 2048], expected [64, 2048]"
void expect_shape(const Tensor& tensor, const std::vector<std::int64_t>& expected, const std::string& what);

/// "[64, 2048]"
std::string shape_text(at::IntArrayRef sizes);
std::string shape_text(const std::vector<std::int64_t>& sizes);

}  // namespace uncurl
