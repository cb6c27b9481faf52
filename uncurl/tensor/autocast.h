// libtorch's autocast for a scope: matrix products in a narrower dtype, everything else as it comes.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace uncurl {

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

}  // namespace uncurl
