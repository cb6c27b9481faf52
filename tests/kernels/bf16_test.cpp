#include "uncurl/kernels/bf16.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace uncurl::kernels {
namespace {

std::vector<float> numbers() {
  std::vector<float> values;
  for (int i = 0; i < 300; ++i)
    values.push_back(std::exp(-0.11f * static_cast<float>(i)) * (i % 3 == 0 ? -1.0f : 1.0f));
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  values.insert(values.end(), {1.00390625f, 1.01171875f, 0.0f, -0.0f});  // halfway, to even either way
  values.insert(values.end(), {1e-40f, kInfinity, -kInfinity, std::numeric_limits<float>::max()});
  return values;
}

TEST(Bf16, RoundsAsTheDtypeDoes) {
  const std::vector<float> values = numbers();
  std::vector<at::BFloat16> rounded(values.size());
  round_to_bf16(rounded.data(), values.data(), static_cast<std::int64_t>(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(rounded[i].x, at::BFloat16(values[i]).x) << values[i];
}

TEST(Bf16, KeepsNaN) {
  const std::vector<float> values(40, std::bit_cast<float>(0x7fffffffU));  // rounding up would carry into the sign
  std::vector<at::BFloat16> rounded(values.size());
  round_to_bf16(rounded.data(), values.data(), 40);
  for (const at::BFloat16 value : rounded) EXPECT_TRUE(std::isnan(static_cast<float>(value)));
}

TEST(Bf16, IsWidenedExactly) {
  std::vector<at::BFloat16> values;
  for (const float value : numbers()) values.emplace_back(value);
  std::vector<float> widened(values.size());
  widen_bf16(widened.data(), values.data(), static_cast<std::int64_t>(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(widened[i], static_cast<float>(values[i]));
}

}  // namespace
}  // namespace uncurl::kernels
