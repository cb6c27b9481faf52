#include "uncurl/kernels/slot_rows.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace uncurl::kernels {
namespace {

TEST(SlotRows, AreThoseOfTheTokensAndZerosBehind) {
  const Tensor x = at::arange(1, 13, at::kFloat).view({4, 3});
  const std::vector<std::int64_t> slots = {7, 0, 5};  // with two choices a token: tokens 3, 0 and 2
  const Tensor rows = gather_tokens(x, slots, /*top_k=*/2);
  EXPECT_EQ(rows.sizes(), at::IntArrayRef({16, 3}));
  EXPECT_TRUE(at::equal(rows.narrow(0, 0, 3), x.index_select(0, at::tensor({3, 0, 2}, at::kLong))));
  EXPECT_EQ(rows.narrow(0, 3, 13).count_nonzero().item<std::int64_t>(), 0);
}

TEST(SlotRows, GoBackToTheirSlots) {
  const Tensor rows = at::arange(1, 49, at::kFloat).view({16, 3});
  const std::vector<std::int64_t> slots = {4, 0};
  Tensor y = at::zeros({5, 3});
  scatter_to_slots(y, rows, slots);
  EXPECT_TRUE(at::equal(y[4], rows[0]));
  EXPECT_TRUE(at::equal(y[0], rows[1]));
  EXPECT_EQ(y.narrow(0, 1, 3).count_nonzero().item<std::int64_t>(), 0);
}

TEST(SlotRows, HaveFewSizesThatCostLittle) {
  const Tensor x = at::ones({1, 1});
  std::set<std::int64_t> sizes;
  for (std::int64_t count = 1; count <= 4096; ++count) {
    const std::int64_t size =
        gather_tokens(x, std::vector<std::int64_t>(static_cast<std::size_t>(count), 0), 1).size(0);
    EXPECT_GE(size, count);
    EXPECT_LT(size, count + std::max<std::int64_t>(16, count / 16 + 1));
    sizes.insert(size);
  }
  EXPECT_EQ(sizes.size(), 80);  // 16 up to 256, 16 in each octave after
}

}  // namespace
}  // namespace uncurl::kernels
