// Is there a NaN or an infinity in a tensor? Asked of every weight that is loaded, so it runs at memory speed.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl {

/// @param tensor  contiguous, on the CPU, of any floating dtype
bool all_finite(const at::Tensor& tensor);

}  // namespace uncurl
