#include "uncurl/kernels/sum_in_order.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/expect_near.h"
#include "uncurl/kernels/parallel_tasks.h"

namespace uncurl::kernels {
namespace {

std::vector<Tensor> sum_of(const std::vector<std::size_t>& order, at::ScalarType dtype) {
  SumInOrder sum;
  for (const std::size_t number : order) {
    sum.add(number, {test::random_tensor({40}, number).to(dtype), at::full({2}, static_cast<double>(number), dtype)});
  }
  return sum.take();
}

TEST(SumInOrder, HasTheSameBitsWhateverComesFirst) {
  Tensor expected = test::random_tensor({40}, 0);
  for (std::uint64_t number = 1; number < 5; ++number) expected = expected + test::random_tensor({40}, number);
  std::vector<std::size_t> order = {0, 1, 2, 3, 4};
  do {
    const std::vector<Tensor> found = sum_of(order, at::kFloat);
    ASSERT_EQ(found.size(), 2);
    ASSERT_TRUE(test::identical(found[0], expected));
    ASSERT_TRUE(test::identical(found[1], at::full({2}, 10.0f)));
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(SumInOrder, HasTheSameBitsFromSeveralThreads) {
  constexpr std::uint64_t kTerms = 200;
  Tensor expected = test::random_tensor({40}, 0);
  for (std::uint64_t number = 1; number < kTerms; ++number) expected = expected + test::random_tensor({40}, number);
  const int before = at::get_num_threads();
  at::set_num_threads(4);
  SumInOrder sum;
  run_tasks(kTerms, [&] { return [&](std::size_t number) { sum.add(number, {test::random_tensor({40}, number)}); }; });
  at::set_num_threads(before);
  EXPECT_TRUE(test::identical(sum.take().front(), expected));
}

TEST(SumInOrder, RoundsASumInBf16Once) {  // 256 + 1 is 256 in bf16, 256 + 1 + 1 is 258
  SumInOrder sum;
  for (const std::size_t number : {0, 1, 2}) {
    sum.add(number, {at::full({3}, number == 0 ? 256.0 : 1.0, at::kBFloat16)});
  }
  EXPECT_TRUE(test::identical(sum.take().front(), at::full({3}, 258.0, at::kBFloat16)));
}

TEST(SumInOrder, WithoutTermsIsEmpty) { EXPECT_TRUE(SumInOrder().take().empty()); }

}  // namespace
}  // namespace uncurl::kernels
