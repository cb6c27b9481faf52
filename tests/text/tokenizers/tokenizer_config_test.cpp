#include "uncurl/text/tokenizers/tokenizer_config.h"

#include "tests/text/fixtures.h"

namespace uncurl::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TokenizerConfig read(const std::string& json) {
  const TemporaryFolder folder;
  folder.write("tokenizer_config.json", json);
  return read_tokenizer_config(folder.path());
}

TEST(TokenizerConfig, SaysNothingIfItIsAbsent) {
  const TemporaryFolder folder;
  const TokenizerConfig config = read_tokenizer_config(folder.path());
  EXPECT_FALSE(config.add_bos_token.has_value());
  EXPECT_EQ(config.tokenizer_class, "");
}

TEST(TokenizerConfig, NamesTokensAsTextOrAsObjects) {
  const TokenizerConfig config = read(R"({"bos_token": "<s>", "eos_token": {"content": "</s>"}, "pad_token": null,
                                          "additional_special_tokens": ["<a>", {"content": "<b>"}]})");
  EXPECT_EQ(config.bos_token, "<s>");
  EXPECT_EQ(config.eos_token, "</s>");
  EXPECT_THAT(config.special_tokens, ElementsAre("<s>", "</s>", "<a>", "<b>"));
}

TEST(TokenizerConfig, ListsAddedTokensByTheirIds) {
  const TokenizerConfig config =
      read(R"({"added_tokens_decoder": {"7": {"content": "<x>", "special": true, "rstrip": true}}})");
  ASSERT_EQ(config.added_tokens.size(), 1u);
  EXPECT_EQ(config.added_tokens[0].id, 7);
  EXPECT_TRUE(config.added_tokens[0].rstrip);
  EXPECT_FALSE(config.added_tokens[0].normalized);  // special tokens are not, unless the file says so
}

// As PreTrainedTokenizerBase.from_pretrained of transformers 5 reads such folders.
TEST(TokenizerConfig, ReadsTheOlderFilesWithoutAddedTokensDecoder) {
  const TemporaryFolder folder;
  folder.write("special_tokens_map.json", R"({"eos_token": {"content": "<|im_end|>"}})");
  folder.write("added_tokens.json", R"({"<|im_end|>": 9, "<tool>": 8})");
  folder.write("tokenizer_config.json", R"({"bos_token": "<s>", "eos_token": "</s>"})");
  const TokenizerConfig config = read_tokenizer_config(folder.path());
  EXPECT_EQ(config.bos_token, "<s>");
  EXPECT_EQ(config.eos_token, "<|im_end|>");
  ASSERT_EQ(config.added_tokens.size(), 2u);
  for (const AddedToken& token : config.added_tokens) {
    EXPECT_EQ(token.id, token.content == "<tool>" ? 8 : 9);
    EXPECT_EQ(token.special, token.content == "<|im_end|>");
  }
  folder.write("tokenizer_config.json", R"({"eos_token": "</s>", "added_tokens_decoder": {}})");
  EXPECT_EQ(read_tokenizer_config(folder.path()).eos_token, "</s>");
}

TEST(TokenizerConfig, RefusesWhatIsNoIdOrNoFlag) {
  const TemporaryFolder folder;
  folder.write("added_tokens.json", R"({"<x>": -1})");
  EXPECT_THAT(error_of([&] { read_tokenizer_config(folder.path()); }), HasSubstr("not a token id"));

  EXPECT_THAT(error_of([] { read(R"({"added_tokens_decoder": {"7x": {"content": "<x>"}}})"); }),
              HasSubstr("'7x' is not a token id"));
  EXPECT_THAT(error_of([] { read(R"({"added_tokens_decoder": {"7": {"content": ""}}})"); }), HasSubstr("no content"));
  EXPECT_THAT(error_of([] { read(R"({"add_bos_token": "yes"})"); }), HasSubstr("add_bos_token"));
}

}  // namespace
}  // namespace uncurl::text
