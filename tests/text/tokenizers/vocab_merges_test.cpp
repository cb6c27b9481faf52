#include "uncurl/text/tokenizers/vocab_merges.h"

#include "tests/text/fixtures.h"

namespace uncurl::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class VocabMerges : public testing::Test {
 protected:
  VocabMerges() {
    folder_.write("vocab.json", R"({"a": 0, "b": 1, "ab": 2, "\u0120": 3, "1": 4, "<|endoftext|>": 5, "<s>": 6})");
    folder_.write("merges.txt", "#version: 0.2\na b\n");
  }
  std::unique_ptr<Tokenizer> open() { return open_tokenizer(folder_.path()); }
  void config(const std::string& json) { folder_.write("tokenizer_config.json", json); }

  TemporaryFolder folder_;
};

TEST_F(VocabMerges, AreReadAsGpt2sWithoutAConfig) {
  EXPECT_THAT(open()->encode("ab ab<|endoftext|>", true), ElementsAre(2, 3, 2, 5));
}

TEST_F(VocabMerges, AddTheTokensTheConfigAsksFor) {
  config(
      R"({"add_bos_token": true, "bos_token": {"content": "<s>", "lstrip": false}, "add_eos_token": true, "eos_token": "<|endoftext|>"})");
  EXPECT_THAT(open()->encode("ab", true), ElementsAre(6, 2, 5));
  EXPECT_THAT(open()->encode("ab", false), ElementsAre(2));
}

TEST_F(VocabMerges, KnowTheAddedTokensOfTheConfig) {
  config(R"({"added_tokens_decoder": {"9": {"content": "<im>", "special": true}}})");
  EXPECT_THAT(open()->encode("a<im>", false), ElementsAre(0, 9));
  EXPECT_EQ(open()->vocabulary_size(), 10);
}

// Qwen's pattern cuts digits one by one and, unlike GPT-2's, takes a sign before letters along.
TEST_F(VocabMerges, AreCutByTheClassOfTheConfig) {
  folder_.write("vocab.json", R"({"1": 0, "11": 1})");
  folder_.write("merges.txt", "1 1\n");
  EXPECT_THAT(open()->encode("11", false), ElementsAre(1));
  config(R"({"tokenizer_class": "Qwen2Tokenizer"})");
  EXPECT_THAT(open()->encode("11", false), ElementsAre(0, 0));
}

TEST_F(VocabMerges, RefuseAClassWhosePatternIsNotKnown) {
  config(R"({"tokenizer_class": "CLIPTokenizer"})");
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("tokenizer_class 'CLIPTokenizer' is not known"));
}

TEST_F(VocabMerges, RefuseATokenThatIsNotNamedOrNotThere) {
  config(R"({"add_bos_token": true})");
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("does not name it"));
  config(R"({"add_bos_token": true, "bos_token": "<no>"})");
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("'<no>'"));
}

TEST_F(VocabMerges, SayWhichLineOfTheMergesIsBroken) {
  folder_.write("merges.txt", "#version: 0.2\na b\nab\n");
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("merges.txt:3: a merge must be two tokens"));
  folder_.write("merges.txt", "");
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("merges.txt: holds no merges"));
}

TEST_F(VocabMerges, RefuseBrokenTables) {
  folder_.write("vocab.json", R"({"a": 0)");
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("vocab.json: not valid JSON"));
  folder_.write("vocab.json", R"(["a"])");
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("an object from token to id"));
}

// Ids as in OpenAI's published examples of the GPT-2 tokenizer.
TEST(Gpt2, EncodesHelloWorld) {
  const auto folder = shared_data() / "tokenizers" / "gpt2";
  UNCURL_SKIP_WITHOUT(folder);
  const auto tokenizer = open_tokenizer(folder);
  EXPECT_THAT(tokenizer->encode("Hello world", true), ElementsAre(15496, 995));
  EXPECT_THAT(tokenizer->encode("<|endoftext|>", true), ElementsAre(50256));
  EXPECT_EQ(tokenizer->vocabulary_size(), 50257);
}

}  // namespace
}  // namespace uncurl::text
