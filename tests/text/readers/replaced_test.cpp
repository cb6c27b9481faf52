#include "uncurl/text/readers/replaced.h"

#include <gtest/gtest.h>

namespace uncurl::text {
namespace {

// Expected: Python's str.replace.
TEST(Replaced, ReplacesEveryOccurrence) {
  EXPECT_EQ(replaced("do n't , do n't", " n't", "n't"), "don't , don't");
  EXPECT_EQ(replaced("@ and @", "@", "@@"), "@@ and @@");
  EXPECT_EQ(replaced(" . . ", " . ", ". "), ". . ");
  EXPECT_EQ(replaced("aaaa", "aa", "a"), "aa");
  EXPECT_EQ(replaced("gap", "gap", ""), "");
}

TEST(Replaced, LeavesOtherTextAlone) {
  EXPECT_EQ(replaced("", "a", "b"), "");
  EXPECT_EQ(replaced("text", "texts", "b"), "text");
  EXPECT_EQ(replaced("\u00b0C", "C", "\u00b0"), "\u00b0\u00b0");
}

}  // namespace
}  // namespace uncurl::text
