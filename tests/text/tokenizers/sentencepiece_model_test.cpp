#include "uncurl/text/tokenizers/sentencepiece_model.h"

#include "tests/text/fixtures.h"

namespace uncurl::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::filesystem::path mistral() { return shared_data() / "tokenizers" / "mistral_v1" / "tokenizer.model.v1"; }

// A folder with the model under its usual name and a tokenizer_config.json.
std::unique_ptr<Tokenizer> open_with_config(const TemporaryFolder& folder, const std::string& config) {
  std::filesystem::copy_file(mistral(), folder.path() / "tokenizer.model");
  folder.write("tokenizer_config.json", config);
  return open_tokenizer(folder.path());
}

// From mistral-common's documentation: "Hello world" is 22557 1526 after <s> = 1.
TEST(SentencePiece, EncodesHelloWorldAsMistralDoes) {
  UNCURL_SKIP_WITHOUT(mistral());
  const auto tokenizer = open_tokenizer(mistral());
  EXPECT_THAT(tokenizer->encode("Hello world", true), ElementsAre(1, 22557, 1526));
  EXPECT_THAT(tokenizer->encode("Hello world", false), ElementsAre(22557, 1526));
  EXPECT_EQ(tokenizer->vocabulary_size(), 32000);
}

TEST(SentencePiece, TakesControlPiecesForWhatTheyAre) {
  UNCURL_SKIP_WITHOUT(mistral());
  EXPECT_THAT(open_tokenizer(mistral())->encode("Hello</s>", false), ElementsAre(22557, 2));
}

TEST(SentencePiece, ObeysTheConfig) {
  UNCURL_SKIP_WITHOUT(mistral());
  const TemporaryFolder folder;
  const auto tokenizer =
      open_with_config(folder, R"({"add_bos_token": false, "add_eos_token": true, "eos_token": "</s>",
      "added_tokens_decoder": {"32000": {"content": "<im>", "special": true}}})");
  EXPECT_THAT(tokenizer->encode("Hello<im>", true), ElementsAre(22557, 32000, 2));
  EXPECT_EQ(tokenizer->vocabulary_size(), 32001);
}

TEST(SentencePiece, FallsBackToBytes) {
  UNCURL_SKIP_WITHOUT(mistral());
  // <0xNN> has id 3 + NN; U+FFFD is a piece of its own only if the model learnt it, so take NUL.
  EXPECT_THAT(open_tokenizer(mistral())->encode(std::string_view("\0", 1), false), ElementsAre(28705, 3));
}

TEST(SentencePiece, RefusesAFileThatIsNoModel) {
  const TemporaryFolder folder;
  const auto garbage = folder.write("tokenizer.model", "not a model");
  EXPECT_THAT(error_of([&] { open_tokenizer(garbage); }), HasSubstr("tokenizer.model: not a SentencePiece model"));
  const auto empty = folder.write("tokenizer.model", "");
  EXPECT_THAT(error_of([&] { open_tokenizer(empty); }), HasSubstr("not a SentencePiece model"));
}

TEST(SentencePiece, RefusesATruncatedModel) {
  UNCURL_SKIP_WITHOUT(mistral());
  const TemporaryFolder folder;
  const std::string bytes = read_text(mistral());
  const auto half = folder.write("tokenizer.model", std::string_view(bytes).substr(0, bytes.size() / 2));
  EXPECT_THAT(error_of([&] { open_tokenizer(half); }), HasSubstr("not a SentencePiece model"));
}

}  // namespace
}  // namespace uncurl::text
