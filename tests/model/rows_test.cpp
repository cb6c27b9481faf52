#include "uncurl/model/rows.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/expect_near.h"

namespace uncurl::model {
namespace {

using testing::ElementsAre;

PackedRows three_rows() { return pack_rows({{5, 6, 7}, {8}, {9, 10}}); }

Tensor longs(std::vector<std::int64_t> values) { return at::tensor(values, at::kLong); }

std::vector<std::pair<std::int64_t, std::int64_t>> chunks_of(const PackedRows& rows, std::int64_t max_tokens) {
  std::vector<std::pair<std::int64_t, std::int64_t>> pairs;
  for (const RowRange& range : row_chunks(rows, max_tokens)) pairs.emplace_back(range.first, range.end);
  return pairs;
}

using Pairs = std::vector<std::pair<std::int64_t, std::int64_t>>;

TEST(Rows, ArePackedEndToEnd) {
  const PackedRows rows = three_rows();
  EXPECT_TRUE(test::identical(rows.ids_N, longs({5, 6, 7, 8, 9, 10})));
  EXPECT_THAT(rows.begins, ElementsAre(0, 3, 4, 6));
  EXPECT_EQ(rows.num_tokens(), 6);
  EXPECT_EQ(rows.num_rows(), 3);
  EXPECT_EQ(rows.longest(), 3);
}

TEST(Rows, OfNoneAreEmpty) {
  const PackedRows rows = pack_rows({});
  EXPECT_EQ(rows.num_tokens(), 0);
  EXPECT_EQ(rows.num_rows(), 0);
  EXPECT_EQ(rows.longest(), 0);
  EXPECT_TRUE(row_chunks(rows, 4).empty());
  EXPECT_EQ(positions(rows).numel(), 0);
}

TEST(Rows, SlicesStandForThemselves) {
  const PackedRows slice = slice_rows(three_rows(), 1, 3);
  EXPECT_TRUE(test::identical(slice.ids_N, longs({8, 9, 10})));
  EXPECT_THAT(slice.begins, ElementsAre(0, 1, 3));
}

TEST(Rows, PositionsStartAnewInEachRow) {
  EXPECT_TRUE(test::identical(positions(three_rows()), longs({0, 1, 2, 0, 0, 1})));
}

TEST(Rows, ChunksHoldAsManyWholeRowsAsFit) {
  EXPECT_EQ(chunks_of(three_rows(), 6), (Pairs{{0, 3}}));
  EXPECT_EQ(chunks_of(three_rows(), 5), (Pairs{{0, 2}, {2, 3}}));
  EXPECT_EQ(chunks_of(three_rows(), 3), (Pairs{{0, 1}, {1, 3}}));
}

TEST(Rows, ALongRowIsAChunkOfItsOwn) { EXPECT_EQ(chunks_of(three_rows(), 1), (Pairs{{0, 1}, {1, 2}, {2, 3}})); }

/// A text of three tokens, one that continues its first two, one that stands alone, one that continues that.
PackedRows tree() {
  PackedRows rows = pack_rows({{5, 6, 7}, {8, 9}, {1, 2}, {3}});
  rows.prefixes = {{}, {0, 2}, {}, {2, 1}};
  return rows;
}

TEST(Rows, CountPositionsBehindWhatTheyContinue) {
  EXPECT_TRUE(test::identical(positions(tree()), longs({0, 1, 2, 2, 3, 0, 1, 1})));
  EXPECT_EQ(tree().longest(), 4);
}

TEST(Rows, StayWithTheRowThatTheyContinue) {
  EXPECT_EQ(chunks_of(tree(), 1), (Pairs{{0, 2}, {2, 4}}));
  EXPECT_EQ(chunks_of(tree(), 100), (Pairs{{0, 4}}));
  const PackedRows slice = slice_rows(tree(), 2, 4);
  EXPECT_EQ(slice.prefix(0).row, -1);
  EXPECT_EQ(slice.prefix(1).row, 0);
  EXPECT_EQ(slice.prefix(1).length, 1);
}

}  // namespace
}  // namespace uncurl::model
