#include "uncurl/kernels/transpose.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/support/expect_near.h"

namespace uncurl::kernels {
namespace {

using at::Tensor;
using test::random_tensor;

TEST(Transpose, MovesEveryNumberOfAnySize) {
  for (const std::int64_t rows : {0, 1, 15, 16, 17, 100}) {
    for (const std::int64_t columns : {1, 16, 31, 70}) {
      const Tensor x = random_tensor({rows, columns}, 1);
      Tensor turned = at::empty({columns, rows});
      transpose(turned.data_ptr<float>(), rows, x.const_data_ptr<float>(), columns, rows, columns);
      EXPECT_TRUE(test::identical(turned, x.t().contiguous())) << rows << " x " << columns;
    }
  }
}

TEST(Transpose, WritesIntoAWiderMatrix) {
  const Tensor x = random_tensor({20, 18}, 3);
  Tensor wide = at::zeros({18, 50});
  transpose(wide.data_ptr<float>() + 7, 50, x.const_data_ptr<float>(), 18, 20, 18);
  EXPECT_TRUE(test::identical(wide.narrow(1, 7, 20).contiguous(), x.t().contiguous()));
  EXPECT_EQ(wide.narrow(1, 0, 7).abs().max().item<float>(), 0);
  EXPECT_EQ(wide.narrow(1, 27, 23).abs().max().item<float>(), 0);
}

}  // namespace
}  // namespace uncurl::kernels
