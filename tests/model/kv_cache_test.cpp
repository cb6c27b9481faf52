#include "uncurl/model/kv_cache.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_checkpoint.h"
#include "uncurl/model/stream.h"

namespace uncurl::model {
namespace {

class CacheOfFamily : public testing::TestWithParam<const char*> {};

// Growing by one token at a time is another order of the same sums: equal to rounding.
TEST_P(CacheOfFamily, GrowsToWhatTheWholeRowGives) {
  const test::TemporaryFolder folder;
  test::write_tiny_checkpoint(folder / "model", {.family = GetParam()});
  const Model model = open_model(folder / "model");
  const LayerStream stream(model, {});
  const std::vector<std::vector<std::int32_t>> whole = {{1, 2, 3, 4, 5, 6, 7}, {8, 9, 1, 3, 2}},
                                               begun = {{1, 2, 3, 4}, {8, 9}};
  const PackedRows rows = pack_rows(whole), beginnings = pack_rows(begun);
  Tensor expected = stream.embed(rows);
  sweep_layers_(expected, rows, stream, {}, nullptr, {});
  expected = stream.final_norm(expected);

  KvCache cache(model.config, stream.compute(), 2, 9);
  Tensor hidden = stream.embed(beginnings);
  sweep_layers_(hidden, beginnings, stream, {.chunk_tokens = 4, .cache = &cache}, nullptr, {});
  cache.set_lengths({4, 2});
  for (std::int64_t step = 0; step < 3; ++step) {
    const Tensor ids = at::tensor(
        {whole[0][static_cast<std::size_t>(4 + step)], whole[1][static_cast<std::size_t>(2 + step)]}, at::kLong);
    const Tensor found = run_cached_layers(ids, stream, cache);
    EXPECT_TRUE(test::near(found, at::stack({expected[4 + step], expected[9 + step]}), 1e-5 * test::max_abs(expected)))
        << "step " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(All, CacheOfFamily, testing::Values("mixtral", "olmoe", "qwen2_moe", "qwen3_moe", "smoe_gpt2"),
                         [](const auto& test) { return std::string(test.param); });

TEST(KvCache, KeepsTheSequencesThatAreAskedFor) {
  const test::TemporaryFolder folder;
  test::write_tiny_checkpoint(folder / "model");
  const Model model = open_model(folder / "model");
  KvCache cache(model.config, {}, 3, 5);
  cache.set_lengths({1, 2, 3});
  EXPECT_FALSE(cache.choices(0).defined());
  const Tensor third = test::random_tensor({model.config.num_kv_heads, 5, model.config.head_dim}, 1);
  cache.keys(0).select(0, 2).copy_(third);
  cache.keep(at::tensor({2, 0}, at::kLong));
  EXPECT_EQ(cache.num_sequences(), 2);
  EXPECT_TRUE(test::identical(cache.lengths_B(), at::tensor({3, 1}, at::kLong)));
  EXPECT_TRUE(test::identical(cache.keys(0)[0], third));
}

// Steps of one sequence must not be counted to another that stood before it.
TEST(KvCache, KeepsTheChoicesOfTheSequencesThatAreAskedFor) {
  const test::TemporaryFolder folder;
  test::write_tiny_checkpoint(folder / "model", {.family = "smoe_gpt2"});
  const Model model = open_model(folder / "model");
  KvCache cache(model.config, {}, 3, 5);
  cache.choices(0).copy_(at::arange(12).view({3, 4}));
  cache.keep(at::tensor({2, 0}, at::kLong));
  EXPECT_TRUE(test::identical(cache.choices(0), at::tensor({8, 9, 10, 11, 0, 1, 2, 3}, at::kLong).view({2, 4})));
}

}  // namespace
}  // namespace uncurl::model
