#include "uncurl/text/tokenizer.h"

#include <thread>

#include "tests/text/fixtures.h"

namespace uncurl::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kJson = R"({"model": {"type": "BPE", "vocab": {"a": 7}, "merges": []}})";

TEST(OpenTokenizer, PrefersTokenizerJson) {
  const TemporaryFolder folder;
  folder.write("vocab.json", "{\"a\": 1, \"aa\": 2}");
  folder.write("merges.txt", "a a\n");
  EXPECT_THAT(open_tokenizer(folder.path())->encode("a", false), ElementsAre(1));
  folder.write("tokenizer.json", kJson);
  EXPECT_THAT(open_tokenizer(folder.path())->encode("a", false), ElementsAre(7));
}

TEST(OpenTokenizer, TakesAFileByItsName) {
  const TemporaryFolder folder;
  EXPECT_THAT(open_tokenizer(folder.write("any_name.json", kJson))->encode("a", false), ElementsAre(7));
  folder.write("vocab.bpe", "a a\n");
  EXPECT_THAT(open_tokenizer(folder.write("encoder.json", "{\"a\": 1, \"aa\": 2}"))->encode("aa", false),
              ElementsAre(2));
}

TEST(OpenTokenizer, SaysWhatItLookedFor) {
  const TemporaryFolder folder;
  folder.write("vocab.json", "{}");  // alone it is nothing
  EXPECT_THAT(
      error_of([&] { open_tokenizer(folder.path()); }),
      HasSubstr("looked for tokenizer.json, vocab.json with merges.txt, encoder.json with vocab.bpe, tokenizer.model"));
  folder.write("qwen.tiktoken", "");
  EXPECT_THAT(error_of([&] { open_tokenizer(folder.path()); }), HasSubstr("has qwen.tiktoken, vocab.json"));
  EXPECT_THAT(error_of([&] { open_tokenizer(folder.path() / "gone"); }), HasSubstr("no such file or folder"));
  EXPECT_THAT(error_of([&] { open_tokenizer(folder.write("a.bin", "")); }),
              HasSubstr("not the name of a tokenizer file"));
}

TEST(EncodingHash, IsOfTheFilesThatDecideIds) {
  const TemporaryFolder folder;
  EXPECT_EQ(encoding_hash(folder.path()), "");
  folder.write("vocab.json", "{\"a\": 1, \"aa\": 2}");
  folder.write("merges.txt", "a a\n");
  const std::string of_merges = encoding_hash(folder.path());
  folder.write("chat_template.jinja", "{{ messages }}");
  EXPECT_EQ(encoding_hash(folder.path()), of_merges);
  folder.write("tokenizer_config.json", "{\"add_bos_token\": true}");
  EXPECT_NE(encoding_hash(folder.path()), of_merges);
  folder.write("tokenizer.json", kJson);
  const std::string of_json = encoding_hash(folder.path());
  folder.write("tokenizer_config.json", "{}");  // tokenizer.json says all of it itself
  EXPECT_EQ(encoding_hash(folder.path()), of_json);
}

TEST(NamedToken, IsAskedForWhereItIsNeeded) {
  const TemporaryFolder folder;
  folder.write("tokenizer.json", kJson);
  const auto tokenizer = open_tokenizer(folder.path());
  EXPECT_FALSE(beginning_of_text(folder.path(), *tokenizer).id().has_value());
  EXPECT_THAT(error_of([&] { beginning_of_text(folder.path(), *tokenizer).required(); }),
              HasSubstr("names neither bos_token nor eos_token"));
  EXPECT_THAT(error_of([&] { end_of_text(folder.path(), *tokenizer).required(); }), HasSubstr("names no eos_token"));
  folder.write("tokenizer_config.json", R"({"eos_token": "a"})");
  EXPECT_EQ(beginning_of_text(folder.path(), *tokenizer).required(), 7);
  folder.write("tokenizer_config.json", R"({"bos_token": "aa", "eos_token": "a"})");
  EXPECT_THAT(error_of([&] { beginning_of_text(folder.path(), *tokenizer).required(); }),
              HasSubstr("'aa' is 2 tokens"));
  EXPECT_EQ(end_of_text(folder.path(), *tokenizer).required(), 7);
}

TEST(OpenTokenizer, GivesTheSameIdsFromSeveralThreads) {
  const auto tokenizer = open_tokenizer(repository() / "examples" / "tiny-qwen3-moe");
  const std::string text = read_text(repository() / "STYLE.md");
  const auto expected = open_tokenizer(repository() / "examples" / "tiny-qwen3-moe")->encode(text, false);
  std::vector<std::vector<std::int32_t>> found(4);
  std::vector<std::thread> threads;
  for (auto& ids : found) threads.emplace_back([&] { ids = tokenizer->encode(text, false); });
  for (std::thread& thread : threads) thread.join();
  for (const auto& ids : found) EXPECT_EQ(ids, expected);
}

}  // namespace
}  // namespace uncurl::text
