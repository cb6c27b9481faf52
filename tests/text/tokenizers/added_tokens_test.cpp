// Expected splits: worked out by hand from added_vocabulary.rs; the parity test compares every combination of flags.
#include "uncurl/text/tokenizers/added_tokens.h"

#include "tests/text/fixtures.h"

namespace uncurl::text {
namespace {

using ::testing::ElementsAre;

// Tokens as <id:text>, text as it is.
std::vector<std::string> split(std::vector<AddedToken> tokens, std::string_view text) {
  const AddedTokenFinder finder(std::move(tokens));
  std::vector<std::string> out;
  for (const Section& section : finder.split(text)) {
    const std::string content(section.text);
    out.push_back(section.id < 0 ? content : concat("<", section.id, ":", content, ">"));
  }
  return out;
}

TEST(AddedTokens, AreFoundBetweenText) {
  EXPECT_THAT(split({{.content = "<s>", .id = 1}}, "a<s>b<s>"), ElementsAre("a", "<1:<s>>", "b", "<1:<s>>"));
}

TEST(AddedTokens, WinByLength) {
  EXPECT_THAT(split({{.content = "  ", .id = 2}, {.content = "    ", .id = 4}}, "x     y"),
              ElementsAre("x", "<4:    >", " y"));
}

TEST(AddedTokens, AreNotSeenInAPartialMatch) {
  EXPECT_THAT(split({{.content = "<end>", .id = 1}}, "<en<end>"), ElementsAre("<en", "<1:<end>>"));
}

TEST(AddedTokens, SwallowSpaceOnTheSidesTheyStrip) {
  EXPECT_THAT(split({{.content = "<m>", .id = 1, .lstrip = true}}, "a \n<m> b"), ElementsAre("a", "<1: \n<m>>", " b"));
  EXPECT_THAT(split({{.content = "<m>", .id = 1, .rstrip = true}}, "a <m>\xE3\x80\x80 b"),
              ElementsAre("a ", "<1:<m>\xE3\x80\x80 >", "b"));
}

TEST(AddedTokens, LeaveSpaceToTheTokenBefore) {
  EXPECT_THAT(
      split({{.content = "<r>", .id = 1, .rstrip = true}, {.content = "<l>", .id = 2, .lstrip = true}}, "<r> <l>"),
      ElementsAre("<1:<r> >", "<2:<l>>"));
}

TEST(AddedTokens, StandAloneIfTheyMust) {
  const std::vector<AddedToken> tokens = {{.content = "cat", .id = 1, .single_word = true}};
  EXPECT_THAT(split(tokens,
                    "cat concat cats \xC3\xA9"
                    "cat cat"),
              ElementsAre("<1:cat>",
                          " concat cats \xC3\xA9"
                          "cat ",
                          "<1:cat>"));
}

TEST(AddedTokens, LeaveTextAloneIfThereAreNone) {
  EXPECT_THAT(split({}, "text"), ElementsAre("text"));
  EXPECT_THAT(split({}, ""), ElementsAre());
}

}  // namespace
}  // namespace uncurl::text
