#include "uncurl/tensor/shape.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"

namespace uncurl {
namespace {

using test::error_of;

TEST(Shape, OfTheExpectedSizesPasses) { EXPECT_NO_THROW(expect_shape(at::zeros({4, 3}), {4, 3}, "router")); }

TEST(Shape, ErrorNamesTensorFoundAndExpected) {
  EXPECT_EQ(error_of([] {
              expect_shape(at::zeros({60, 8}), {64, 8}, "layer 3 router");
            }),
            "layer 3 router is [60, 8], expected [64, 8]");
}

TEST(Shape, OfAnotherRankIsRefused) {
  EXPECT_EQ(error_of([] { expect_shape(at::zeros({4}), {4, 1}, "bias"); }), "bias is [4], expected [4, 1]");
}

TEST(Shape, OfAnUndefinedTensorIsMissing) {
  EXPECT_EQ(error_of([] { expect_shape(Tensor(), {2}, "bias"); }), "bias is missing, expected [2]");
}

TEST(Shape, OfAScalarIsAnEmptyList) { EXPECT_EQ(shape_text(at::scalar_tensor(1).sizes()), "[]"); }

}  // namespace
}  // namespace uncurl
