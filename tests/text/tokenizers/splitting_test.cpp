#include "uncurl/text/tokenizers/splitting.h"

#include "tests/text/fixtures.h"
#include "uncurl/text/unicode.h"

namespace uncurl::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> split(Behavior behavior, bool invert = false) {
  const Regex dash = Regex::literal("-");
  std::vector<std::string> texts;
  for (const Word& word : split_words({{"The-final--countdown", true}}, behavior,
                                      [&](std::string_view text) { return parts_of(dash, text, invert); }))
    texts.push_back(word.text);
  return texts;
}

// The table in the documentation of Hugging Face's SplitDelimiterBehavior.
TEST(Splitting, FollowsTheFiveBehaviours) {
  EXPECT_THAT(split(Behavior::removed), ElementsAre("The", "final", "countdown"));
  EXPECT_THAT(split(Behavior::isolated), ElementsAre("The", "-", "final", "-", "-", "countdown"));
  EXPECT_THAT(split(Behavior::merged_with_previous), ElementsAre("The-", "final-", "-", "countdown"));
  EXPECT_THAT(split(Behavior::merged_with_next), ElementsAre("The", "-final", "-", "-countdown"));
  EXPECT_THAT(split(Behavior::contiguous), ElementsAre("The", "-", "final", "--", "countdown"));
}

TEST(Splitting, RemovesTheGapsWhenInverted) {
  EXPECT_THAT(split(Behavior::removed, /*invert=*/true), ElementsAre("-", "-", "-"));
}

TEST(Splitting, KnowsWhichWordBeginsTheText) {
  const Words words = split_words({{"1a", true}, {"1", false}}, Behavior::isolated,
                                  [](std::string_view text) { return parts_of(is_numeric, text); });
  ASSERT_EQ(words.size(), 3u);
  EXPECT_TRUE(words[0].at_start);
  EXPECT_FALSE(words[1].at_start);
  EXPECT_FALSE(words[2].at_start);
}

TEST(Splitting, RefusesAnUnknownBehaviour) {
  EXPECT_THAT(error_of([] { behavior_of("Sideways", "here"); }), HasSubstr("here: behavior 'Sideways' is not Removed"));
}

}  // namespace
}  // namespace uncurl::text
