#include "uncurl/kernels/expert_blocks.h"

#include <gtest/gtest.h>

namespace uncurl::kernels {
namespace {

TEST(BlocksOfExperts, AreCutInOrderAndSortedBySize) {  // by hand
  const ExpertQueue queue{{4, 0, 6, 1, 7, 2, 5, 3}, {0, 5, 5, 6, 8}};
  const std::vector<ExpertBlock> blocks = blocks_of_experts(queue, 2);
  std::vector<std::vector<std::int64_t>> found;
  for (const ExpertBlock& block : blocks) {
    found.push_back({static_cast<std::int64_t>(block.expert), static_cast<std::int64_t>(block.number)});
    found.back().insert(found.back().end(), block.slots.begin(), block.slots.end());
  }
  const std::vector<std::vector<std::int64_t>> expected = {
      {0, 0, 4, 0}, {0, 1, 6, 1}, {3, 0, 5, 3}, {0, 2, 7}, {2, 0, 2}};
  EXPECT_EQ(found, expected);
}

TEST(BlocksOfExperts, OfNoTokensAreNone) {
  const ExpertQueue queue{{}, {0, 0, 0}};
  EXPECT_TRUE(blocks_of_experts(queue, 4).empty());
}

}  // namespace
}  // namespace uncurl::kernels
