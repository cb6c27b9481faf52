#include "uncurl/text/tokenizers/pre_tokenizer.h"

#include "tests/text/fixtures.h"

namespace uncurl::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> words(const std::string& json, const std::string& text, bool at_start = true) {
  std::vector<std::string> out;
  for (const Word& word : make_pre_tokenizer(Json::parse(json), "here")({{text, at_start}})) out.push_back(word.text);
  return out;
}

const std::string kSpace = "\xC4\xA0";     // U+0120, a space in GPT-2's alphabet
const std::string kMark = "\xE2\x96\x81";  // U+2581, a space in SentencePiece's

TEST(PreTokenizer, IsTheIdentityIfThereIsNone) { EXPECT_THAT(words("null", "a b"), ElementsAre("a b")); }

TEST(PreTokenizer, CutsAsGpt2Does) {
  EXPECT_THAT(words(R"({"type": "ByteLevel", "add_prefix_space": false})", "I'm 12  ok!"),
              ElementsAre("I", "'m", kSpace + "12", kSpace, kSpace + "ok", "!"));
}

TEST(PreTokenizer, PutsASpaceInFrontIfAsked) {
  EXPECT_THAT(words(R"({"type": "ByteLevel", "add_prefix_space": true})", "a"), ElementsAre(kSpace + "a"));
  EXPECT_THAT(words(R"({"type": "ByteLevel", "add_prefix_space": true})", " a"), ElementsAre(kSpace + "a"));
}

TEST(PreTokenizer, WritesBytesOnlyWithoutTheRegex) {
  EXPECT_THAT(words(R"({"type": "ByteLevel", "add_prefix_space": false, "use_regex": false})", "a b"),
              ElementsAre("a" + kSpace + "b"));
}

TEST(PreTokenizer, CutsDigitsOneByOneOrTogether) {
  EXPECT_THAT(words(R"({"type": "Digits", "individual_digits": true})", "a12b"), ElementsAre("a", "1", "2", "b"));
  EXPECT_THAT(words(R"({"type": "Digits", "individual_digits": false})", "a12b"), ElementsAre("a", "12", "b"));
}

std::string metaspace(const std::string& scheme) {
  return R"({"type": "Metaspace", "replacement": ")" + kMark + R"(", "prepend_scheme": ")" + scheme + R"("})";
}

TEST(PreTokenizer, MarksSpacesAsMetaspace) {
  EXPECT_THAT(words(metaspace("always"), "a b", false), ElementsAre(kMark + "a", kMark + "b"));
  EXPECT_THAT(words(metaspace("first"), "a b", false), ElementsAre("a", kMark + "b"));
  EXPECT_THAT(words(metaspace("first"), "a b", true), ElementsAre(kMark + "a", kMark + "b"));
  EXPECT_THAT(words(metaspace("never"), "a b", true), ElementsAre("a", kMark + "b"));
  EXPECT_THAT(words(metaspace("always"), " a", true), ElementsAre(kMark + "a"));
}

TEST(PreTokenizer, ReadsTheOldFormOfMetaspace) {
  const std::string start = R"({"type": "Metaspace", "replacement": ")" + kMark + R"(", "add_prefix_space": )";
  EXPECT_THAT(words(start + "false}", "a"), ElementsAre("a"));
  EXPECT_THAT(words(start + "true}", "a"), ElementsAre(kMark + "a"));
  EXPECT_THAT(error_of([&] { words(start + R"(false, "prepend_scheme": "first"})", "a"); }),
              HasSubstr("add_prefix_space"));
}

TEST(PreTokenizer, RunsASequence) {
  EXPECT_THAT(words(R"({"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"},
                        {"type": "Split", "pattern": {"String": "-"}, "behavior": "MergedWithNext", "invert": false}]})",
                    "a-b c"),
              ElementsAre("a", "-b", "c"));
}

TEST(PreTokenizer, IsRefusedByNameIfItIsNotKnown) {
  EXPECT_THAT(error_of([] { words(R"({"type": "UnicodeScripts"})", ""); }),
              HasSubstr("here: pre-tokenizer type 'UnicodeScripts'"));
  EXPECT_THAT(error_of([] { words(metaspace("sometimes"), ""); }), HasSubstr("prepend_scheme 'sometimes'"));
}

}  // namespace
}  // namespace uncurl::text
