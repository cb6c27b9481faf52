#include "uncurl/text/unicode.h"

#include <gtest/gtest.h>

namespace uncurl::text {
namespace {

const std::string kReplacement = "\xEF\xBF\xBD";

// The expected numbers of U+FFFD are those of Python 3.11's bytes.decode("utf-8", "replace").
TEST(ValidUtf8, ReplacesATruncatedCharacterOnce) {
  EXPECT_EQ(valid_utf8("\xF0\x9F\x98"), kReplacement);
  EXPECT_EQ(valid_utf8("\xE2\x82"), kReplacement);
  EXPECT_EQ(valid_utf8("\xC3"), kReplacement);
  EXPECT_EQ(valid_utf8("\xF1\x80\x80"
                       "A"),
            kReplacement + "A");
}

TEST(ValidUtf8, ReplacesEachByteOfASurrogate) {
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"), kReplacement + kReplacement + kReplacement);
}

TEST(ValidUtf8, ReplacesEachByteOfAnOverlongForm) {
  EXPECT_EQ(valid_utf8("\xC0\x80"), kReplacement + kReplacement);
  EXPECT_EQ(valid_utf8("\xE0\x9F\xBF"), kReplacement + kReplacement + kReplacement);
  EXPECT_EQ(valid_utf8("\xF0\x80\x80\x80"), kReplacement + kReplacement + kReplacement + kReplacement);
}

TEST(ValidUtf8, ReplacesCodePointsAboveTheLast) {
  EXPECT_EQ(valid_utf8("\xF4\x90\x80\x80"), kReplacement + kReplacement + kReplacement + kReplacement);
}

TEST(ValidUtf8, ReplacesStrayBytesBetweenText) {
  EXPECT_EQ(valid_utf8("a\xFF"
                       "b"),
            "a" + kReplacement + "b");
  EXPECT_EQ(valid_utf8("\xE2(\xA1"), kReplacement + "(" + kReplacement);
}

TEST(ValidUtf8, LeavesValidTextAlone) {
  const std::string text = "ok \xC3\xA9 \xE4\xB8\x96 \xF0\x9F\x98\x80" + std::string(1, '\0') + "end";
  EXPECT_EQ(valid_utf8(text), text);
}

TEST(CodePoints, SurviveARoundTrip) {
  for (const char32_t c : {U'a', U'\u07FF', U'\u0800', U'\uFFFD', U'\U00010000', U'\U0010FFFF'}) {
    std::string text;
    append_utf8(text, c);
    std::size_t position = 0;
    EXPECT_EQ(next_code_point(text, position), c);
    EXPECT_EQ(position, text.size());
  }
}

TEST(LowerCase, HasTheOneCharacterThatBecomesTwo) {
  EXPECT_EQ(lower_case("A\xC4\xB0\xC3\x89"), "ai\xCC\x87\xC3\xA9");  // "A", dotted capital I, "É"
}

}  // namespace
}  // namespace uncurl::text
