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
  EXPECT_THAT(error_of([&] { open_tokenizer(folder.path() / "gone"); }), HasSubstr("no such file or folder"));
  EXPECT_THAT(error_of([&] { open_tokenizer(folder.write("a.bin", "")); }),
              HasSubstr("not the name of a tokenizer file"));
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
