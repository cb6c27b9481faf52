// Comparison of tensors that names the worst element, and random tensors that depend on their seed alone.
#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace uncurl::test {

using at::Tensor;

/// Passes if |found - expected| <= tolerance everywhere (compared in fp64); NaN and other shapes fail.
inline testing::AssertionResult near(const Tensor& found, const Tensor& expected, double tolerance) {
  if (found.sizes() != expected.sizes()) {
    return testing::AssertionFailure() << "found shape " << found.sizes() << ", expected " << expected.sizes();
  }
  if (found.numel() == 0) return testing::AssertionSuccess();
  const Tensor found64 = found.to(at::kDouble).reshape({-1}), expected64 = expected.to(at::kDouble).reshape({-1});
  const Tensor difference = at::nan_to_num((found64 - expected64).abs(), /*nan=*/INFINITY);
  std::int64_t worst = difference.argmax().item<std::int64_t>();
  if (difference[worst].item<double>() <= tolerance) return testing::AssertionSuccess();
  const double found_there = found64[worst].item<double>(), expected_there = expected64[worst].item<double>();
  std::vector<std::int64_t> index(static_cast<std::size_t>(found.dim()));
  for (std::int64_t d = found.dim() - 1; d >= 0; --d) {
    index[static_cast<std::size_t>(d)] = worst % found.size(d);
    worst /= found.size(d);
  }
  return testing::AssertionFailure() << "worst element [" << at::IntArrayRef(index) << "]: found " << found_there
                                     << ", expected " << expected_there << ", tolerance " << tolerance;
}

/// Passes if dtype, shape and every value are the same (NaN equals nothing).
inline testing::AssertionResult identical(const Tensor& found, const Tensor& expected) {
  if (found.scalar_type() != expected.scalar_type()) {
    return testing::AssertionFailure() << "found " << found.scalar_type() << ", expected " << expected.scalar_type();
  }
  return near(found, expected, 0);
}

inline void expect_near(const Tensor& found, const Tensor& expected, double tolerance) {
  EXPECT_TRUE(near(found, expected, tolerance));
}

inline double max_abs(const Tensor& tensor) { return tensor.abs().max().to(at::kDouble).item<double>(); }

/// Standard normal values, fp32; the same on every machine that runs the same libtorch.
inline Tensor random_tensor(std::vector<std::int64_t> shape, std::uint64_t seed) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  return at::randn(shape, generator);
}

/// Integers in [0, below), int64.
inline Tensor random_ids(std::vector<std::int64_t> shape, std::int64_t below, std::uint64_t seed) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  return at::randint(below, shape, generator, at::TensorOptions().dtype(at::kLong));
}

}  // namespace uncurl::test
