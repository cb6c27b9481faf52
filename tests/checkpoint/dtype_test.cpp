#include "uncurl/checkpoint/dtype.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/checkpoint/fixtures.h"

namespace uncurl::checkpoint {
namespace {

using testing::HasSubstr;
using Shape = std::vector<std::int64_t>;

// The names and bits are those of enum Dtype in safetensors/src/tensor.rs (0.8.0).
TEST(Dtype, HasTheBitsOfTheReferenceImplementation) {
  const std::vector<std::pair<const char*, int>> reference = {
      {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
      {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
      {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
      {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64}};
  ASSERT_EQ(dtypes().size(), reference.size());
  for (std::size_t i = 0; i < reference.size(); ++i) {
    EXPECT_EQ(dtypes()[i].name, reference[i].first);
    EXPECT_EQ(dtypes()[i].bits, reference[i].second) << reference[i].first;
  }
}

TEST(Dtype, TellsFloatsByTheirLetter) {
  for (const Dtype& dtype : dtypes()) {
    EXPECT_EQ(dtype.is_float, dtype.name.starts_with("F") || dtype.name == "BF16") << dtype.name;
  }
}

TEST(Dtype, IsNotFoundUnderAnotherSpelling) {
  EXPECT_EQ(find_dtype("bf16"), nullptr);
  EXPECT_EQ(find_dtype(""), nullptr);
  ASSERT_NE(find_dtype("BF16"), nullptr);
  EXPECT_EQ(find_dtype("BF16")->bits, 16);
}

TEST(CountElements, MultipliesTheDimensions) {
  EXPECT_EQ(count_elements(Shape{}), 1);
  EXPECT_EQ(count_elements(Shape{3, 4, 5}), 60);
  EXPECT_EQ(count_elements(Shape{3, 0, 5}), 0);
}

TEST(CountElements, RefusesNegativeDimensions) {
  EXPECT_THAT(error_of([] { count_elements(Shape{2, -1}); }), HasSubstr("[2,-1] has a negative dimension"));
}

TEST(CountElements, AcceptsTheLargestProductAndRefusesTheNext) {
  const std::int64_t half = std::int64_t{1} << 62;
  EXPECT_EQ(count_elements(Shape{half}), half);
  EXPECT_THAT(error_of([&] { count_elements(Shape{half, 2}); }), HasSubstr("more elements than fit"));
}

TEST(CountElements, RefusesAnOverflowHiddenBehindAZero) {
  const std::int64_t half = std::int64_t{1} << 62;
  EXPECT_THAT(error_of([&] { count_elements(Shape{0, half, half}); }), HasSubstr("more elements than fit"));
}

TEST(CountBytes, PacksElementsSmallerThanAByte) {
  EXPECT_EQ(count_bytes("F4", Shape{3, 2}), 3u);
  EXPECT_EQ(count_bytes("F6_E2M3", Shape{4}), 3u);
  EXPECT_EQ(count_bytes("C64", Shape{5}), 40u);
  EXPECT_EQ(count_bytes("BF16", Shape{}), 2u);
}

TEST(CountBytes, RefusesPackedElementsThatEndInsideAByte) {
  EXPECT_THAT(error_of([] { count_bytes("F4", Shape{3}); }), HasSubstr("whole number of bytes"));
  EXPECT_THAT(error_of([] { count_bytes("F6_E3M2", Shape{2}); }), HasSubstr("whole number of bytes"));
}

TEST(CountBytes, RefusesMoreBitsThanCanBeCounted) {
  EXPECT_THAT(error_of([] { count_bytes("F64", Shape{std::int64_t{1} << 60}); }), HasSubstr("more bits than fit"));
}

TEST(CountBytes, ListsTheKnownNamesForAnUnknownOne) {
  EXPECT_THAT(error_of([] { count_bytes("F7", Shape{1}); }),
              HasSubstr("'F7' is not one of the safetensors format (BOOL, F4"));
}

}  // namespace
}  // namespace uncurl::checkpoint
