#include "uncurl/prune/stats_file.h"

#include <gmock/gmock.h>

#include "tests/prune/observed.h"
#include "uncurl/base/file.h"
#include "uncurl/base/hash.h"

namespace uncurl::prune {
namespace {

void expect_same_layers(const std::vector<LayerStats>& found, const std::vector<LayerStats>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].layer, expected[i].layer);
    EXPECT_TRUE(identical(found[i].sample_logits, expected[i].sample_logits));
    ASSERT_EQ(found[i].sample_inputs.defined(), expected[i].sample_inputs.defined());
    if (found[i].sample_inputs.defined()) {
      EXPECT_TRUE(identical(found[i].sample_inputs, expected[i].sample_inputs));
    }
    ASSERT_EQ(found[i].sources.size(), expected[i].sources.size());
    for (std::size_t s = 0; s < found[i].sources.size(); ++s) {
      ExpertSums one = found[i].sources[s], other = expected[i].sources[s];
      std::vector<Tensor> parts;
      for_each_sum(other, [&](const char*, Tensor& sum, bool) { parts.push_back(sum); });
      std::size_t next = 0;
      for_each_sum(one,
                   [&](const char* name, Tensor& sum, bool) { EXPECT_TRUE(identical(sum, parts[next++])) << name; });
      EXPECT_EQ(one.num_tokens, other.num_tokens);
    }
  }
}

TEST(StatsFile, ReadsBackExactly) {
  std::vector<text::SampledSource> sources = Observed::two_sources();
  sources[0].weight = 0.1;
  sources[0].num_cut = 3;
  sources[0].longest_tokens = 77;
  const Observed observed({}, sources);
  write_stats(observed.folder / "stats", observed.stats);
  const RoutingStats read = read_stats(observed.folder / "stats");
  EXPECT_EQ(read.provenance, observed.stats.provenance);
  ASSERT_EQ(read.sources.size(), 2u);
  EXPECT_EQ(read.sources[0].name, "first");
  EXPECT_EQ(read.sources[0].weight, 0.1);
  EXPECT_FALSE(read.sources[1].weight.has_value());
  EXPECT_EQ(read.sources[0].content_hash, "hash of first");
  EXPECT_EQ(read.sources[0].num_records, 9);
  EXPECT_EQ(read.sources[0].num_rows, 6);
  EXPECT_EQ(read.sources[0].num_tokens, observed.stats.sources[0].num_tokens);
  EXPECT_EQ(read.sources[0].num_cut, 3);
  EXPECT_EQ(read.sources[0].longest, 77);
  EXPECT_EQ(read.sources[0].num_held_out_rows, 3);
  EXPECT_EQ(read.sources[0].num_held_out_tokens, observed.stats.sources[0].num_held_out_tokens);
  EXPECT_TRUE(identical(read.sample_tokens, observed.stats.sample_tokens));
  EXPECT_TRUE(identical(read.sample_source, observed.stats.sample_source));
  EXPECT_TRUE(identical(read.held_out.rows.ids_N, observed.stats.held_out.rows.ids_N));
  EXPECT_EQ(read.held_out.rows.begins, observed.stats.held_out.rows.begins);
  EXPECT_THAT(read.held_out.source_names, ElementsAre("first", "second"));
  EXPECT_THAT(read.held_out.source_of_row, ElementsAre(0, 0, 0, 1, 1));
  EXPECT_TRUE(identical(read.held_out.final_ND, observed.stats.held_out.final_ND));
  expect_same_layers(read.layers, observed.stats.layers);
}

TEST(StatsFile, HoldsTheInputsThatWereKept) {
  Observed observed;
  observed.stats = observe(*observed.model, observed.compute, Observed::two_sources(), {.input_tokens = 5}, {});
  write_stats(observed.folder / "stats", observed.stats);
  expect_same_layers(read_stats(observed.folder / "stats").layers, observed.stats.layers);
  EXPECT_EQ(observed.summaries()[1].sample_inputs.sizes(), at::IntArrayRef({5, 16}));
}

TEST(StatsFile, HoldsStatisticsWithoutHeldOutRows) {
  const Observed observed({}, {random_source("only", 3, 0, 1)});
  write_stats(observed.folder / "stats", observed.stats);
  const RoutingStats read = read_stats(observed.folder / "stats");
  EXPECT_EQ(read.held_out.rows.num_rows(), 0);
  EXPECT_TRUE(read.held_out.source_names.empty());
}

TEST(StatsFile, IsTheSameForTheSameStatistics) {
  const Observed observed;
  write_stats(observed.folder / "a", observed.stats);
  write_stats(observed.folder / "b", read_stats(observed.folder / "a"));
  EXPECT_EQ(read_text(observed.folder / "a"), read_text(observed.folder / "b"));
  EXPECT_EQ(file_hash(observed.folder / "a"), file_hash(observed.folder / "b"));
}

TEST(StatsFile, RefusesOtherFilesAndNamesThem) {
  const test::TemporaryFolder folder;
  const auto fault = [&](const Json& metadata) {
    model::write_tensor_file(folder / "file", {{"x", at::zeros({1})}}, metadata);
    return error_of([&] { read_stats(folder / "file"); });
  };
  EXPECT_THAT(fault({{"kind", "something else"}, {"version", 2}}), HasSubstr("is not a statistics file"));
  EXPECT_THAT(fault({{"kind", "statistics"}, {"version", 1}}), HasSubstr("has version 1, expected 2 to 3"));
  EXPECT_THAT(fault({{"kind", "statistics"}, {"version", 1}}), HasSubstr((folder / "file").string()));
  write_text(folder / "text", "hello");
  EXPECT_THAT(error_of([&] { read_stats(folder / "text"); }), HasSubstr((folder / "text").string()));
}

TEST(FileHash, ChangesWithOneByte) {
  const test::TemporaryFolder folder;
  write_text(folder / "a", "some bytes");
  write_text(folder / "b", "some bytez");
  EXPECT_NE(file_hash(folder / "a"), file_hash(folder / "b"));
}

}  // namespace
}  // namespace uncurl::prune
