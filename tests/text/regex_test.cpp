#include "uncurl/text/regex.h"

#include "tests/text/fixtures.h"

namespace uncurl::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Matches in brackets, gaps without.
std::vector<std::string> parts(const Regex& regex, const std::string& text) {
  std::vector<std::string> out;
  regex.for_each_part(text, [&](std::size_t begin, std::size_t end, bool is_match) {
    const std::string part = text.substr(begin, end - begin);
    out.push_back(is_match ? "[" + part + "]" : part);
  });
  return out;
}

Regex regex(const std::string& pattern) { return Regex::oniguruma(pattern, "here"); }

TEST(Regex, CoversTheTextWithMatchesAndGaps) {
  EXPECT_THAT(parts(regex("b+"), "abbcb"), ElementsAre("a", "[bb]", "c", "[b]"));
}

TEST(Regex, FindsNothingInAnEmptyText) { EXPECT_THAT(parts(regex("b+"), ""), ElementsAre()); }

TEST(Regex, SkipsAnEmptyMatchThatTouchesTheLastOne) {
  EXPECT_THAT(parts(regex("b*"), "abb"), ElementsAre("[]", "a", "[bb]"));
}

TEST(Regex, TakesALiteralAsItIs) { EXPECT_THAT(parts(Regex::literal("a.c"), "abca.c"), ElementsAre("abc", "[a.c]")); }

TEST(Regex, SeesLinesInAnchors) { EXPECT_THAT(parts(regex("^b$"), "a\nb\nc"), ElementsAre("a\n", "[b]", "\nc")); }

TEST(Regex, LooksBehindTheEndOfTheLastMatch) {
  EXPECT_THAT(parts(regex("(?<=a)b|a"), "ab"), ElementsAre("[a]", "[b]"));
}

// U+180E is white space to PCRE2 and was until Unicode 6.3; Oniguruma says no.
TEST(Regex, DoesNotTakeTheMongolianVowelSeparatorForSpace) {
  EXPECT_THAT(parts(regex("\\s"), "\xE1\xA0\x8E"), ElementsAre("\xE1\xA0\x8E"));
  EXPECT_THAT(parts(regex("[^\\s]"), "\xE1\xA0\x8E"), ElementsAre("[\xE1\xA0\x8E]"));
  EXPECT_THAT(parts(regex("\\s"), "\xC2\x85"), ElementsAre("[\xC2\x85]"));
}

// U+30FC is used in Hiragana and Katakana: its script is Common, though PCRE2's \p{Hiragana} would hold it.
TEST(Regex, MeansScriptsAndNotTheirExtensions) {
  EXPECT_THAT(parts(regex("\\p{Hiragana}"), "\xE3\x83\xBC"), ElementsAre("\xE3\x83\xBC"));
  EXPECT_THAT(parts(regex("\\p{Hiragana}"), "\xE3\x81\x82"), ElementsAre("[\xE3\x81\x82]"));
}

TEST(Regex, MatchesTheLongSInsideACaselessGroup) {
  EXPECT_THAT(parts(regex("(?i:'s)|x"), "'\xC5\xBFx'S"), ElementsAre("['\xC5\xBF]", "[x]", "['S]"));
}

TEST(Regex, HandlesAMegabyteOfSpaces) {
  const std::string text(1 << 20, ' ');
  EXPECT_EQ(parts(regex("\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"), text).size(), 1u);
}

TEST(Regex, SaysWhatIsMalformed) {
  EXPECT_THAT(error_of([] { regex("a(b"); }), HasSubstr("here: bad regular expression"));
  EXPECT_THAT(error_of([] { regex("[a"); }), HasSubstr("bad regular expression"));
  EXPECT_THAT(error_of([] { regex("\\p{Nonsense}"); }), HasSubstr("bad regular expression"));
}

class RefusedPattern : public testing::TestWithParam<const char*> {};

TEST_P(RefusedPattern, IsNotReadDifferently) {
  EXPECT_THAT(error_of([] { regex(GetParam()); }), HasSubstr("is not supported"));
}

INSTANTIATE_TEST_SUITE_P(Dialect, RefusedPattern,
                         testing::Values("\\w+", "\\bfoo", "\\h", "[\\S]", "[a[b]]", "[a&&b]", "a{2}+", "a{,3}",
                                         "a(?i)b", "(?<name>a)", "(a)\\1", "(?m:a)", "\\", "\\pL", "[]a]", "a{x}",
                                         "[[:alpha:]]"));

}  // namespace
}  // namespace uncurl::text
