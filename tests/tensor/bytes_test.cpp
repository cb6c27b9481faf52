#include "uncurl/tensor/bytes.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/error_of.h"
#include "tests/support/expect_near.h"

namespace uncurl {
namespace {

using test::error_of;
using testing::HasSubstr;

using Buffer = std::vector<std::byte>;

/// The bytes of `tensor` after `offset` others, and a view of them.
Tensor view_at_offset(const Tensor& tensor, std::size_t offset) {
  const std::span<const std::byte> bytes = bytes_of(tensor);
  const auto buffer = std::make_shared<Buffer>(offset + bytes.size());
  std::copy(bytes.begin(), bytes.end(), buffer->begin() + static_cast<std::ptrdiff_t>(offset));
  return view_bytes(std::span<const std::byte>(*buffer).subspan(offset), dtype_name(tensor.scalar_type()),
                    tensor.sizes().vec(), buffer);
}

class BytesOfDtype : public testing::TestWithParam<at::ScalarType> {};

TEST_P(BytesOfDtype, ComeBackAsTheSameTensor) {
  const Tensor tensor = test::random_ids({3, 5}, 2, 1).to(GetParam());
  EXPECT_TRUE(test::identical(view_at_offset(tensor, 0), tensor));
}

TEST_P(BytesOfDtype, NameReadsBackAsTheType) { EXPECT_EQ(scalar_type(dtype_name(GetParam())), GetParam()); }

INSTANTIATE_TEST_SUITE_P(All, BytesOfDtype,
                         testing::Values(at::kBFloat16, at::kHalf, at::kFloat, at::kDouble, at::kLong, at::kInt,
                                         at::kChar, at::kByte, at::kBool),
                         [](const auto& test) { return std::string(at::toString(test.param)); });

// Headers of old writers have any length, so tensors may start at any byte of a file.
class UnalignedBytes : public testing::TestWithParam<std::size_t> {};

TEST_P(UnalignedBytes, OfBf16Convert) {
  const Tensor tensor = test::random_tensor({65, 33}, 2).to(at::kBFloat16);
  EXPECT_TRUE(test::identical(view_at_offset(tensor, GetParam()).to(at::kFloat), tensor.to(at::kFloat)));
}

TEST_P(UnalignedBytes, OfBf16Multiply) {
  const Tensor weight = test::random_tensor({48, 64}, 3).to(at::kBFloat16);
  const Tensor x = test::random_tensor({7, 64}, 4).to(at::kBFloat16);
  EXPECT_TRUE(test::identical(at::linear(x, view_at_offset(weight, GetParam())), at::linear(x, weight)));
}

INSTANTIATE_TEST_SUITE_P(Offsets, UnalignedBytes, testing::Values(1, 2));

TEST(Bytes, AreKeptAliveByTheirView) {
  const auto owner = std::make_shared<const Buffer>(8);
  Tensor slice;
  {
    auto moved = owner;
    slice = view_bytes(*owner, "F32", {2}, std::move(moved)).narrow(0, 1, 1);
  }
  EXPECT_EQ(owner.use_count(), 2);  // the slice still holds it
  slice.reset();
  EXPECT_EQ(owner.use_count(), 1);
}

TEST(Bytes, AreNotCopied) {
  const auto owner = std::make_shared<const Buffer>(8);
  const void* const data = owner->data();
  EXPECT_EQ(view_bytes(*owner, "F32", {2}, owner).const_data_ptr(), data);
}

TEST(Bytes, OfAnUnknownDtypeAreRefused) {
  const Buffer buffer(4);
  EXPECT_THAT(error_of([&] { view_bytes(buffer, "F8_E4M3", {4}, nullptr); }), HasSubstr("F8_E4M3"));
}

TEST(Bytes, OfAnotherLengthAreRefused) {
  const Buffer buffer(7);
  EXPECT_EQ(error_of([&] { view_bytes(buffer, "F16", {2, 2}, nullptr); }), "found 7 bytes, expected 8");
}

TEST(Bytes, HaveNoNameForTypesThatNoFileHolds) {
  EXPECT_THAT(error_of([] { dtype_name(at::kComplexFloat); }), HasSubstr("ComplexFloat"));
}

}  // namespace
}  // namespace uncurl
