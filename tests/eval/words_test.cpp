#include "uncurl/eval/words.h"

#include <gtest/gtest.h>

namespace uncurl::eval {
namespace {

// By hand: "the new york times" against "New York": words {new, york, times} and {new, york}, 2 in common.
TEST(Words, HaveTheF1OfWhatTheyShare) {
  EXPECT_DOUBLE_EQ(words_f1("the New York Times", {"New York"}), 0.8);
  EXPECT_DOUBLE_EQ(words_f1("New York", {"Paris", "New York!"}), 1);
  EXPECT_DOUBLE_EQ(words_f1("London", {"Paris"}), 0);
  EXPECT_DOUBLE_EQ(words_f1("a a b b", {"b"}), 2.0 / 3);  // {b, b} and {b}: precision 1/2, recall 1
}

TEST(Words, AreEqualWithoutCaseArticlesAndPunctuation) {
  EXPECT_TRUE(words_equal("The U.S.", {"us"}));
  EXPECT_FALSE(words_equal("New York", {"York New"}));
  EXPECT_TRUE(words_equal("the", {"a"}));  // nothing is left of either
}

}  // namespace
}  // namespace uncurl::eval
