#include "uncurl/eval/generate.h"

#include "tests/eval/fixtures.h"

namespace uncurl::eval {
namespace {

using Ids = std::vector<std::int32_t>;

/// The same without a cache: the whole text again for every token.
std::string slowly(const TinyStream& tiny, Ids ids, std::int64_t count) {
  const std::size_t begin = ids.size();
  for (std::int64_t i = 0; i < count; ++i) {
    ids.push_back(static_cast<std::int32_t>(tiny.logprobs(ids)[-1].argmax().item<std::int64_t>()));
  }
  return LetterTokenizer().decode(Ids(ids.begin() + static_cast<std::ptrdiff_t>(begin), ids.end()));
}

std::vector<Prompt> named(const std::vector<Ids>& prompts) {
  std::vector<Prompt> named;
  for (const Ids& ids : prompts) named.push_back({ids, concat("prompt ", named.size())});
  return named;
}

test::TinyModel without_end() { return {.config = {{"eos_token_id", nullptr}}}; }

TEST(Generate, WritesTheLikeliestTokens) {
  const TinyStream tiny(without_end());
  const std::vector<Ids> prompts = {{1, 2, 3}, {4}, {5, 6, 7, 8, 9, 10}};
  const std::vector<std::string> found =
      generate(*tiny.stream, LetterTokenizer(), named(prompts), {.until = {}, .max_tokens = 12}, {});
  for (std::size_t i = 0; i < prompts.size(); ++i) EXPECT_EQ(found[i], slowly(tiny, prompts[i], 12)) << i;
}

TEST(Generate, EndsBeforeTheFirstOfTheEndings) {
  const TinyStream tiny(without_end());
  const std::string whole = slowly(tiny, {1, 2, 3}, 12), ending = whole.substr(4, 2);
  EXPECT_EQ(
      generate(*tiny.stream, LetterTokenizer(), named({{1, 2, 3}, {4}}), {.until = {ending}, .max_tokens = 12}, {})[0],
      whole.substr(0, whole.find(ending)));
}

// A task's endings may be special tokens, which do not stand in the text that is judged.
TEST(Generate, EndsBeforeASpecialToken) {
  const TinyStream tiny(without_end());
  const std::string whole = slowly(tiny, {1, 2, 3}, 12);
  LetterTokenizer tokenizer;
  tokenizer.special = whole[4] - '`';
  const auto written = [&](const std::vector<std::string>& until) {
    return generate(*tiny.stream, tokenizer, named({{1, 2, 3}, {4}}), {.until = until, .max_tokens = 12}, {})[0];
  };
  EXPECT_EQ(written({"<|end|>"}), whole.substr(0, whole.find(whole[4])));
  std::string without = whole;
  std::erase(without, whole[4]);
  EXPECT_EQ(written({}), without);
}

// One text ends after a few tokens, the others go on beside it.
TEST(Generate, EndsAtTheEndOfTheText) {
  const TinyStream endless(without_end());
  const std::vector<Ids> prompts = {{1, 2, 3}, {4}, {9, 9}};
  std::vector<std::string> whole;
  for (const Ids& prompt : prompts) whole.push_back(slowly(endless, prompt, 12));
  const char end = whole[0][3];
  const TinyStream tiny({.config = {{"eos_token_id", Json::array({end - '`'})}}});
  const std::vector<std::string> found =
      generate(*tiny.stream, LetterTokenizer(), named(prompts), {.until = {}, .max_tokens = 12}, {});
  for (std::size_t i = 0; i < prompts.size(); ++i) EXPECT_EQ(found[i], whole[i].substr(0, whole[i].find(end))) << i;
}

TEST(Generate, NamesThePromptThatGivesNoNumber) {
  const auto refusal = [](const std::string& tensor) {
    const TinyStream tiny(without_end(), overflowing(tensor));
    return test::error_of([&] {
      generate(*tiny.stream, LetterTokenizer(), named({{1, 2, 3}, {4, 5}}), {.until = {}, .max_tokens = 4}, {});
    });
  };
  EXPECT_THAT(refusal("model.layers.1.self_attn.o_proj.weight"),
              testing::HasSubstr("prompt 0: layer 1: the hidden state of token 0 is NaN or infinite, expected finite"));
  EXPECT_THAT(refusal("lm_head.weight"),
              testing::HasSubstr("prompt 0: a logit for written token 0 is NaN or infinite"));
}

// Qwen3-30B-A3B in bf16: 2 * 48 layers * 4 heads * 128 values * 2 bytes = 96 KiB a token, so 2 GiB hold 21845 tokens.
TEST(Generate, TakesPromptsAtOnceBySizesOfTheModelAlone) {
  model::ModelConfig config;
  config.num_kv_heads = 4;
  config.head_dim = 128;
  config.layers.resize(48);
  EXPECT_EQ(prompts_at_once(config, at::kBFloat16, 1304), 16);
  EXPECT_EQ(prompts_at_once(config, at::kFloat, 1304), 8);
  EXPECT_EQ(prompts_at_once(config, at::kBFloat16, 100), 64);
  EXPECT_EQ(prompts_at_once(config, at::kBFloat16, 40000), 1);
}

}  // namespace
}  // namespace uncurl::eval
