#include "uncurl/tensor/finite.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/support/expect_near.h"

namespace uncurl {
namespace {

using at::Tensor;
using test::random_tensor;

class FiniteOfDtype : public testing::TestWithParam<at::ScalarType> {};

TEST_P(FiniteOfDtype, HoldsForOrdinaryValues) { EXPECT_TRUE(all_finite(random_tensor({1000}, 1).to(GetParam()))); }

TEST_P(FiniteOfDtype, HoldsForTheLargestAndSmallestNumbers) {
  const double largest = GetParam() == at::kHalf       ? 65504.0
                         : GetParam() == at::kBFloat16 ? 3.3895313892515355e38
                         : GetParam() == at::kFloat    ? std::numeric_limits<float>::max()
                                                       : std::numeric_limits<double>::max();
  const Tensor extremes = at::tensor({largest, -largest, 0.0, -0.0, 6e-8}, at::kDouble).to(GetParam());
  EXPECT_TRUE(all_finite(extremes));
}

TEST_P(FiniteOfDtype, SeesNanAtTheLastElement) {
  const Tensor tensor = random_tensor({1001}, 2).to(GetParam());
  tensor[1000].fill_(std::numeric_limits<double>::quiet_NaN());
  EXPECT_FALSE(all_finite(tensor));
}

TEST_P(FiniteOfDtype, SeesAnInfinityAtTheFirstElement) {
  const Tensor tensor = random_tensor({1001}, 3).to(GetParam());
  tensor[0].fill_(-std::numeric_limits<double>::infinity());
  EXPECT_FALSE(all_finite(tensor));
}

INSTANTIATE_TEST_SUITE_P(All, FiniteOfDtype, testing::Values(at::kBFloat16, at::kHalf, at::kFloat, at::kDouble),
                         [](const auto& test) { return std::string(at::toString(test.param)); });

TEST(Finite, SeesNanBehindTheFirstBlockOfAThread) {
  const Tensor tensor = at::zeros({(1 << 19) + 3}, at::kBFloat16);
  tensor[(1 << 19) + 2].fill_(std::numeric_limits<double>::quiet_NaN());
  EXPECT_FALSE(all_finite(tensor));
}

TEST(Finite, ReadsUnalignedViews) {
  alignas(8) static unsigned char bytes[9] = {0, 0, 0, 0x80, 0x3f, 0, 0, 0x80, 0x7f};  // at byte 1: 1.0f, +inf
  EXPECT_FALSE(all_finite(at::from_blob(bytes + 1, {2}, at::kFloat)));
  EXPECT_TRUE(all_finite(at::from_blob(bytes + 1, {1}, at::kFloat)));
}

TEST(Finite, HoldsForNothing) { EXPECT_TRUE(all_finite(at::empty({0}))); }

}  // namespace
}  // namespace uncurl
