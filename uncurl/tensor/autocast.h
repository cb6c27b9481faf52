// libtorch's autocast for a scope: matrix products in a narrower dtype, everything else as it comes.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace uncurl {

using at::Tensor;

class Autocast {
 public:
  /// @param dtype  of products on that kind of device; none: products keep the dtype of their inputs
  Autocast(at::DeviceType device, std::optional<at::ScalarType> dtype);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  at::DeviceType device_;
  bool was_enabled_;
  at::ScalarType dtype_before_;
};

/// Of matrix products with x where it lies: that of autocast if it is on there, else that of x.
at::ScalarType product_dtype(const Tensor& x);

}  // namespace uncurl
