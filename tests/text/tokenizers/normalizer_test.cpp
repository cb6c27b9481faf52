#include "uncurl/text/tokenizers/normalizer.h"

#include "tests/text/fixtures.h"

namespace uncurl::text {
namespace {

using ::testing::HasSubstr;

std::string normalize(const char* json, std::string_view text) {
  return make_normalizer(Json::parse(json), "here")(text);
}

TEST(Normalizer, IsTheIdentityIfThereIsNone) { EXPECT_EQ(normalize("null", "e\xCC\x81"), "e\xCC\x81"); }

TEST(Normalizer, AppliesNormalForms) { EXPECT_EQ(normalize(R"({"type": "NFC"})", "e\xCC\x81"), "\xC3\xA9"); }

TEST(Normalizer, WritesSpacesAsSentencePieceDoes) {
  const char* const json = R"({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "_"},
                              {"type": "Replace", "pattern": {"String": " "}, "content": "_"}]})";
  EXPECT_EQ(normalize(json, "a  b"), "_a__b");
  EXPECT_EQ(normalize(json, ""), "");
}

TEST(Normalizer, ReplacesARegularExpression) {
  EXPECT_EQ(normalize(R"({"type": "Replace", "pattern": {"Regex": "[0-9]+"}, "content": "#"})", "a12b3"), "a#b#");
}

TEST(Normalizer, StripsTheSidesAskedFor) {
  EXPECT_EQ(normalize(R"({"type": "Strip", "strip_left": true, "strip_right": false})",
                      " \xC2\xA0"
                      "a b "),
            "a b ");
  EXPECT_EQ(normalize(R"({"type": "Strip", "strip_left": true, "strip_right": true})", " a b\n"), "a b");
  EXPECT_EQ(normalize(R"({"type": "Strip", "strip_left": true, "strip_right": true})", " \n"), "");
  EXPECT_EQ(normalize(R"({"type": "Strip", "strip_left": false, "strip_right": false})", " "), " ");
}

TEST(Normalizer, IsRefusedByNameIfItIsNotKnown) {
  EXPECT_THAT(error_of([] { normalize(R"({"type": "Precompiled"})", ""); }),
              HasSubstr("here: normalizer type 'Precompiled'"));
  EXPECT_THAT(
      error_of([] { normalize(R"({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Nmt"}]})", ""); }),
      HasSubstr("here[1]: normalizer type 'Nmt'"));
}

// Forty steps of a few bytes each would make 2^40 bytes of one.
TEST(Normalizer, RefusesStepsThatLengthenATextWithoutEnd) {
  Json steps = Json::array();
  for (int i = 0; i < 40; ++i) {
    steps.push_back({{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aa"}});
  }
  const Json doubling = {{"type", "Sequence"}, {"normalizers", steps}};
  EXPECT_THAT(error_of([&] { make_normalizer(doubling, "here")("a"); }),
              HasSubstr("here: makes more than 4160 bytes of a text of 1; is the tokenizer file damaged?"));
  EXPECT_EQ(make_normalizer(doubling, "here")("b"), "b");
}

TEST(Normalizer, RefusesMoreStepsThanAnyTokenizerHas) {
  const Json many = {{"type", "Sequence"}, {"normalizers", std::vector<Json>(101, {{"type", "NFC"}})}};
  EXPECT_THAT(error_of([&] { make_normalizer(many, "here"); }), HasSubstr("has 101 steps, expected at most 100"));
}

TEST(Normalizer, RefusesABadPattern) {
  EXPECT_THAT(error_of([] { normalize(R"({"type": "Replace", "pattern": {"Regex": "("}, "content": ""})", ""); }),
              HasSubstr("bad regular expression"));
  EXPECT_THAT(error_of([] { normalize(R"({"type": "Replace", "pattern": {"Glob": "*"}, "content": ""})", ""); }),
              HasSubstr("Glob"));
  EXPECT_THAT(error_of([] { normalize(R"({"type": "Prepend"})", ""); }), HasSubstr("prepend"));
  EXPECT_THAT(error_of([] { normalize("7", ""); }), HasSubstr("here"));
}

}  // namespace
}  // namespace uncurl::text
