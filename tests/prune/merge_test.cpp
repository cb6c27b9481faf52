#include "uncurl/prune/merge.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/prune/fixtures.h"
#include "tests/support/tiny_checkpoint.h"
#include "uncurl/prune/align.h"

namespace uncurl::prune {
namespace {

constexpr AlignOptions kAsTheyAre{.permute = false, .rescale = false};
constexpr AlignOptions kBoth{};

std::vector<Expert> random_experts(int count, std::int64_t width, std::int64_t hidden,
                                   at::ScalarType dtype = at::kFloat) {
  std::vector<Expert> experts;
  for (int e = 0; e < count; ++e) {
    const Expert expert = random_expert(width, hidden, static_cast<std::uint64_t>(e) + 1);
    experts.push_back({expert.gate.to(dtype), expert.up.to(dtype), expert.down.to(dtype)});
  }
  return experts;
}

ExpertGroup even_group(int size, int anchor) {
  std::vector<int> members(static_cast<std::size_t>(size));
  std::iota(members.begin(), members.end(), 0);
  return merged_group(members, anchor, std::vector<double>(members.size(), 1.0 / size));
}

Expert merge_group(const std::vector<Expert>& experts, const ExpertGroup& group, const AlignOptions& options) {
  return merge_groups(experts, {group}, options).front();
}

TEST(MergeGroup, GivesTheStoredTensorsOfAGroupOfOne) {
  const std::vector<Expert> experts = random_experts(3, 4, 5, at::kBFloat16);
  const Expert kept = merge_group(experts, single_group(1), kBoth);
  EXPECT_EQ(kept.gate.data_ptr(), experts[1].gate.data_ptr());
  EXPECT_EQ(kept.up.data_ptr(), experts[1].up.data_ptr());
  EXPECT_EQ(kept.down.data_ptr(), experts[1].down.data_ptr());
}

TEST(MergeGroup, ScalesTheOutputOfAGroupOfOne) {
  const std::vector<Expert> experts = random_experts(2, 4, 5);
  ExpertGroup group = single_group(1);
  group.scale = 0.25;
  expect_same_expert(merge_group(experts, group, kBoth), {experts[1].gate, experts[1].up, experts[1].down * 0.25});
}

TEST(MergeGroup, AveragesWithTheWeightsOfTheGroup) {
  const auto constant = [](double value) {
    return Expert{at::full({2, 3}, value), at::full({2, 3}, 10 * value), at::full({3, 2}, 100 * value)};
  };
  ExpertGroup group = merged_group({0, 2}, 2, {0.25, 0.75});
  group.scale = 2;
  const Expert merged = merge_group({constant(1), constant(50), constant(5)}, group, kAsTheyAre);
  expect_same_expert(merged, {at::full({2, 3}, 4.0), at::full({2, 3}, 40.0), at::full({3, 2}, 800.0)});  // 1/4 + 15/4
}

TEST(MergeGroup, RoundsOnceToTheStoredDtype) {
  const std::vector<Expert> experts = random_experts(7, 8, 9, at::kBFloat16);
  const Expert merged = merge_group(experts, even_group(7, 3), kAsTheyAre);
  Tensor exact = at::zeros({8, 9}, at::kDouble);
  for (const Expert& expert : experts) exact += expert.gate.to(at::kDouble) / 7;
  ASSERT_EQ(merged.gate.scalar_type(), at::kBFloat16);
  // One rounding to 8 bits is off by 2^-8 of the value at most; the fp32 sum adds 1e-6 of its largest term.
  const Tensor error = (merged.gate.to(at::kDouble) - exact).abs();
  EXPECT_TRUE((error <= exact.abs() * std::ldexp(1.0, -8) + 5e-6).all().item<bool>());
}

TEST(MergeGroup, AlignsMembersToTheAnchorBeforeAveraging) {
  const Expert anchor = random_expert(12, 6, 1);
  const Expert shuffled_copy = reordered(anchor, shuffled(12, 4));
  const ExpertGroup group = merged_group({0, 1}, 1, {0.5, 0.5});
  expect_same_expert(merge_group({shuffled_copy, anchor}, group, {.permute = true, .rescale = false}), anchor);
}

TEST(MergeGroup, GivesTheSameBitsForAnyNumberOfThreads) {
  const std::vector<Expert> experts = random_experts(9, 64, 32);
  const auto merge = [&](int threads) {
    const Threads scope(threads);
    return merge_group(experts, even_group(9, 4), kBoth);
  };
  const Expert one = merge(1);
  expect_same_expert(merge(2), one);
  expect_same_expert(merge(4), one);
}

TEST(MergeGroup, GivesTheSameBitsForAnyNumberOfThreadsWhereTensorsAreSplit) {  // libtorch splits 32768 elements or more
  const std::vector<Expert> experts = random_experts(3, 203, 333);
  const auto merge = [&](int threads) {
    const Threads scope(threads);
    return merge_group(experts, even_group(3, 1), kBoth);
  };
  const Expert one = merge(1);
  expect_same_expert(merge(2), one);
  expect_same_expert(merge(3), one);
}

TEST(MergeGroups, MergesEachGroupAsIfItWereAlone) {
  const std::vector<Expert> experts = random_experts(9, 16, 8);
  const Groups groups = {merged_group({0, 4, 7}, 4, {0.2, 0.5, 0.3}), single_group(5),
                         merged_group({1, 2, 3, 8}, 1, {0.25, 0.25, 0.25, 0.25})};
  const Threads scope(2);  // a batch of two pairs spans the end of the first group
  const std::vector<Expert> merged = merge_groups(experts, groups, kBoth);
  ASSERT_EQ(merged.size(), 3u);
  for (std::size_t g = 0; g < 3; ++g) expect_same_expert(merged[g], merge_group(experts, groups[g], kBoth));
}

TEST(MergeGroups, DoesNotTouchAGroupWhoseWeightLiesOnTheAnchor) {
  const std::vector<Expert> experts = random_experts(3, 4, 5, at::kBFloat16);
  expect_same_expert(merge_group(experts, merged_group({0, 2}, 2, {0.0, 1.0}), kBoth), experts[2]);
}

TEST(PruneLayer, KeepsStoredDtypesAndNumbersExpertsByGroup) {
  const test::TemporaryFolder folder;
  test::write_tiny_checkpoint(folder / "model", {.num_experts = 5, .dtype = at::kBFloat16});
  const model::Model model = model::open_model(folder / "model");
  const LayerPlan layer{.layer = 1,
                        .method = "by hand",
                        .router = "wmean",
                        .groups = {single_group(1), merged_group({2, 4}, 2, {0.5, 0.5}), single_group(3)}};
  const PrunedLayer pruned = prune_layer(model, Plan{}, layer, summary_of_counts({1, 1, 1, 1, 1}, 1));
  const std::vector<Expert> stored = model::stored_experts(model, 1);
  ASSERT_EQ(pruned.experts.size(), 3u);
  expect_same_expert(pruned.experts[0], stored[1]);
  expect_same_expert(pruned.experts[2], stored[3]);
  EXPECT_EQ(pruned.experts[1].down.scalar_type(), at::kBFloat16);
  EXPECT_EQ(pruned.router.scalar_type(), at::kBFloat16);
  EXPECT_EQ(pruned.router.sizes(), at::IntArrayRef({3, 16}));
  const Tensor router = model::stored_tensor(model.checkpoint, "model.layers.1.mlp.gate.weight");
  EXPECT_TRUE(identical(pruned.router[2], router[3]));
  EXPECT_FALSE(pruned.correction_bias.defined());
}

}  // namespace
}  // namespace uncurl::prune
