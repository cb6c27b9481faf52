#include "uncurl/text/tokenizers/decoder.h"

#include "tests/text/fixtures.h"

namespace uncurl::text {
namespace {

using testing::HasSubstr;

// Texts by tokenizers 0.23: Tokenizer.decode of these tokens.
TEST(Decoder, JoinsBytesOfTheByteAlphabet) {
  const Decoder bytes = read_decoder(Json::parse(R"({"type": "ByteLevel"})"), "test");
  EXPECT_EQ(bytes({"Hello", "Ġworld", "Ċ", "caf", "Ã", "©"}), "Hello world\ncafé");
  EXPECT_EQ(bytes({"Ã"}), "\uFFFD");
}

TEST(Decoder, PutsSpacesForTheirMarks) {
  const Decoder decoder = read_decoder(Json::parse(R"({"type": "Sequence", "decoders": [
      {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
      {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})"),
                                       "test");
  EXPECT_EQ(decoder({"▁Hello", "▁wor", "ld", "<0xC3>", "<0xA9>"}), "Hello worldé");
  EXPECT_EQ(decoder({"a", "<0xC3>", "<0x28>", "b"}), "a\uFFFD\uFFFDb");
}

TEST(Decoder, IsRefusedWhenUsedNotWhenRead) {
  const Decoder decoder = read_decoder(Json::parse(R"({"type": "WordPiece"})"), "x.json: decoder");
  EXPECT_THAT(error_of([&] { decoder({"a"}); }), HasSubstr("x.json: decoder"));
}

TEST(Decoder, UndoesTheTokenizersAtHand) {
  const std::string text = "The cat's 12 naïve\n\n  dogs — ran (twice). ";
  const auto round_trip = [&](const std::filesystem::path& path) {
    const auto tokenizer = open_tokenizer(path);
    return tokenizer->decode(tokenizer->encode(text, /*add_special_tokens=*/true));
  };
  EXPECT_EQ(round_trip(repository() / "examples" / "tiny-qwen3-moe"), text);
  UNCURL_SKIP_WITHOUT(shared_data() / "tokenizers");
  EXPECT_EQ(round_trip(shared_data() / "tokenizers" / "gpt2"), text);
  EXPECT_EQ(round_trip(shared_data() / "tokenizers" / "olmo" / "allenai_gpt-neox-olmo-dolma-v1_5.json"), text);
}

}  // namespace
}  // namespace uncurl::text
