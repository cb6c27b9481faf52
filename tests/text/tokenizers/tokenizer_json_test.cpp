#include "uncurl/text/tokenizers/tokenizer_json.h"

#include "tests/text/fixtures.h"
#include "uncurl/base/json.h"

namespace uncurl::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A complete small tokenizer: "ab" is one token, <s> goes in front, <|x|> is added.
Json small() {
  return Json::parse(R"({"version": "1.0", "truncation": {"max_length": 1}, "padding": null,
    "added_tokens": [{"id": 4, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
                     {"id": 5, "content": "AB", "single_word": false, "lstrip": false, "rstrip": false, "normalized": true, "special": false}],
    "normalizer": {"type": "Lowercase"}, "pre_tokenizer": null,
    "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                       "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [4], "tokens": ["<s>"]}}},
    "decoder": null,
    "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "", "end_of_word_suffix": null,
              "fuse_unk": false, "byte_fallback": false, "vocab": {"a": 0, "b": 1, "c": 2, "bc": 3}, "merges": ["b c"]}})");
}

class SmallTokenizer : public testing::Test {
 protected:
  std::unique_ptr<Tokenizer> open(const std::string& text) {
    return open_tokenizer_json(folder_.write("tokenizer.json", text));
  }
  std::string refusal(const Json& json) {
    return error_of([&] { open(json.dump()); });
  }

  TemporaryFolder folder_;
};

TEST_F(SmallTokenizer, RunsAllItsStages) {
  const auto tokenizer = open(small().dump());
  EXPECT_THAT(tokenizer->encode("BCa", true), ElementsAre(4, 3, 0));
  EXPECT_THAT(tokenizer->encode("BCa", false), ElementsAre(3, 0));
  EXPECT_EQ(tokenizer->vocabulary_size(), 6);
}

TEST_F(SmallTokenizer, FindsAddedTokensInTheRawOrTheNormalizedText) {
  const auto tokenizer = open(small().dump());
  EXPECT_THAT(tokenizer->encode("c<s>c", false), ElementsAre(2, 4, 2));
  EXPECT_THAT(tokenizer->encode("c<S>ab", false),
              ElementsAre(2, 5));  // <S> is not <s>, but ab is AB once both are lower case
}

TEST_F(SmallTokenizer, IgnoresTruncationWhichIsTheCallersBusiness) {
  EXPECT_EQ(open(small().dump())->encode("aaaa", true).size(), 5u);
}

TEST_F(SmallTokenizer, ReadsMergesAsPairs) {
  Json json = small();
  json["model"]["merges"] = Json::parse(R"([["b", "c"]])");
  EXPECT_THAT(open(json.dump())->encode("bc", false), ElementsAre(3));
}

TEST_F(SmallTokenizer, EncodesInvalidUtf8AsTheReplacementCharacter) {
  Json json = small();
  json["model"]["vocab"]["\xEF\xBF\xBD"] = 6;
  EXPECT_THAT(open(json.dump())->encode("a\xF0\x9F\x98\xFF", false), ElementsAre(0, 6, 6));
}

TEST_F(SmallTokenizer, GivesNothingForAnEmptyText) {
  EXPECT_THAT(open(small().dump())->encode("", true), ElementsAre(4));
  EXPECT_THAT(open(small().dump())->encode("", false), ElementsAre());
}

// "first" asks where the text begins, not where a stretch between two added tokens does.
TEST_F(SmallTokenizer, TellsThePreTokenizerWhereTheTextBegins) {
  Json json = small();
  json["pre_tokenizer"] =
      Json::parse(R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "first", "split": false})");
  json["model"]["vocab"]["_"] = 6;
  EXPECT_THAT(open(json.dump())->encode("a<s>a", false), ElementsAre(6, 0, 4, 0));
  EXPECT_THAT(open(json.dump())->encode("<s>a", false), ElementsAre(4, 0));
}

TEST_F(SmallTokenizer, RefusesATruncatedFileWhereverItEnds) {
  const std::string text = small().dump();
  for (std::size_t length = 0; length < text.size(); length += 7)
    EXPECT_THAT(error_of([&] { open(text.substr(0, length)); }), HasSubstr("tokenizer.json: not valid JSON"));
}

TEST_F(SmallTokenizer, NamesTheModelItCannotRun) {
  Json json = small();
  json["model"] = {{"type", "Unigram"}, {"vocab", Json::array()}};
  EXPECT_THAT(refusal(json), HasSubstr("model type \"Unigram\" is not supported"));
}

TEST_F(SmallTokenizer, NamesTheStageItCannotRun) {
  Json json = small();
  json["normalizer"] = {{"type", "BertNormalizer"}};
  EXPECT_THAT(refusal(json), HasSubstr("tokenizer.json: normalizer: normalizer type 'BertNormalizer'"));
}

TEST_F(SmallTokenizer, RefusesOptionsOfTheModelItDoesNotHave) {
  Json json = small();
  json["model"]["dropout"] = 0.1;
  EXPECT_THAT(refusal(json), HasSubstr("dropout"));
  json = small();
  json["model"]["end_of_word_suffix"] = "</w>";
  EXPECT_THAT(refusal(json), HasSubstr("end_of_word_suffix '</w>'"));
}

TEST_F(SmallTokenizer, RefusesMalformedTables) {
  Json json = small();
  json["model"]["vocab"]["d"] = -1;
  EXPECT_THAT(refusal(json), HasSubstr("the id of 'd'"));
  json = small();
  json["model"]["merges"] = Json::parse(R"(["b"])");
  EXPECT_THAT(refusal(json), HasSubstr("two tokens"));
  json["model"]["merges"] = Json::parse(R"([["b"]])");
  EXPECT_THAT(refusal(json), HasSubstr("a merge must be"));
  json["model"].erase("merges");
  EXPECT_THAT(refusal(json), HasSubstr("'merges' is missing"));
  json["model"]["vocab"] = Json::object();
  EXPECT_THAT(refusal(json), HasSubstr("not empty"));
  json.erase("model");
  EXPECT_THAT(refusal(json), HasSubstr("'model' is missing"));
  EXPECT_THAT(refusal(Json::array()), HasSubstr("must be a JSON object"));
}

TEST_F(SmallTokenizer, RefusesAnAddedTokenWithTwoIds) {
  Json json = small();
  json["added_tokens"][1]["content"] = "a";
  EXPECT_THAT(refusal(json), HasSubstr("'a' has id 5 here but 0 in the vocabulary"));
  json["added_tokens"][1].erase("id");
  EXPECT_THAT(refusal(json), HasSubstr("added_tokens[1]: id"));
}

TEST(TinyQwen, StandsAtTheSizeOfItsEmbedding) {
  const auto folder = shared_data() / "models" / "tiny-qwen3-moe";
  UNCURL_SKIP_WITHOUT(folder);
  EXPECT_EQ(open_tokenizer(folder)->vocabulary_size(), 8192);  // vocab_size of its config.json
}

}  // namespace
}  // namespace uncurl::text
