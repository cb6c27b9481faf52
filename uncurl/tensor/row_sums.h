// Reductions of rows whose bits do not depend on the number of threads. libtorch gives every thread whole rows, but
// where there is one row alone it shares that row out and adds the parts.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl {

using at::Tensor;

/// The sum of each row. @param x_NV  [N,V] @return  fp64 [N]
Tensor sum_of_rows(const Tensor& x_NV);

/// log(sum(exp(x))) of each row. @param x_NV  [N,V] @return  [N] in the dtype of x
Tensor log_sum_exp_of_rows(const Tensor& x_NV);

}  // namespace uncurl
