#include "uncurl/base/join.h"

#include <gtest/gtest.h>

namespace uncurl {
namespace {

struct Row {
  const char* name;
  int value;
};

TEST(Join, SeparatesItsParts) {
  EXPECT_EQ(join({"a", "b", "c"}), "a, b, c");
  EXPECT_EQ(join({"a", "b"}, " or "), "a or b");
}

TEST(Join, OfNothingIsEmpty) { EXPECT_EQ(join({}), ""); }

TEST(Join, KeepsEmptyParts) { EXPECT_EQ(join({"", "a", ""}), ", a, "); }

TEST(Join, ListsTheNamesOfATable) {
  const std::vector<Row> table = {{"random", 1}, {"uncurl", 2}};
  EXPECT_EQ(join_names(table, &Row::name), "random, uncurl");
}

}  // namespace
}  // namespace uncurl
