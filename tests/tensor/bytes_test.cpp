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

class BytesOfDtype : public testing::TestWithParam<at::ScalarType> {};

TEST_P(BytesOfDtype, ComeBackAsTheSameTensor) {
  const Tensor tensor = test::random_ids({3, 5}, 2, 1).to(GetParam());
  const Tensor other = at::empty_like(tensor);
  std::ranges::copy(bytes_of(tensor), writable_bytes_of(other).begin());
  EXPECT_TRUE(test::identical(other, tensor));
}

TEST_P(BytesOfDtype, NameReadsBackAsTheType) { EXPECT_EQ(scalar_type(dtype_name(GetParam())), GetParam()); }

INSTANTIATE_TEST_SUITE_P(All, BytesOfDtype,
                         testing::Values(at::kBFloat16, at::kHalf, at::kFloat, at::kDouble, at::kLong, at::kInt,
                                         at::kChar, at::kByte, at::kBool),
                         [](const auto& test) { return std::string(at::toString(test.param)); });

TEST(Bytes, HaveNoNameForTypesThatNoFileHolds) {
  EXPECT_THAT(error_of([] { dtype_name(at::kComplexFloat); }), HasSubstr("ComplexFloat"));
}

}  // namespace
}  // namespace uncurl
