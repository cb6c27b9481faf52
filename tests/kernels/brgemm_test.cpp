#include "uncurl/kernels/brgemm.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/support/expect_near.h"

namespace uncurl::kernels {
namespace {

using at::Tensor;

template <class Scalar>
void expect_product(bool add) {
  constexpr at::ScalarType kDtype = c10::CppTypeToScalarType<Scalar>::value;
  if (!has_brgemm(kDtype)) GTEST_SKIP() << "this machine has no such product for " << toString(kDtype);
  constexpr std::int64_t m = 16, n = 24, k = 10, stride_b = 32;
  const Tensor a = test::random_tensor({m, k}, 1).to(kDtype), b = test::random_tensor({k, n}, 2).to(kDtype),
               before = test::random_tensor({m, n}, 3);
  const Tensor packed = at::zeros({k * stride_b}, a.options());
  for (std::int64_t i = 0; i < k; ++i) {
    for (std::int64_t j = 0; j < n; ++j) packed[place_in_factor(i, j, stride_b, kDtype)] = b[i][j];
  }
  const Tensor found = before.clone();
  brgemm({m, n, k, k, stride_b, n}, a.const_data_ptr<Scalar>(), packed.const_data_ptr<Scalar>(),
         found.data_ptr<float>(), add);
  release_brgemm();
  const Tensor product = at::mm(a.to(at::kDouble), b.to(at::kDouble));
  EXPECT_TRUE(test::near(found, add ? product + before : product, 1e-5));  // bf16 factors lose nothing
}

TEST(Brgemm, MultipliesFloats) { expect_product<float>(/*add=*/false); }
TEST(Brgemm, MultipliesBf16WithoutRounding) { expect_product<at::BFloat16>(/*add=*/false); }
TEST(Brgemm, AddsToWhatIsThere) { expect_product<at::BFloat16>(/*add=*/true); }

TEST(Brgemm, IsThereForNoOtherDtype) { EXPECT_FALSE(has_brgemm(at::kDouble)); }

}  // namespace
}  // namespace uncurl::kernels
