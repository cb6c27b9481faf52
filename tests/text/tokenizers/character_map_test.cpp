#include "uncurl/text/tokenizers/character_map.h"

#include <cstdint>
#include <vector>

#include "tests/text/fixtures.h"

namespace uncurl::text {
namespace {

using ::testing::HasSubstr;

constexpr std::uint32_t kHasLeaf = 1u << 8;
std::uint32_t with_offset(std::uint32_t offset) { return offset << 10; }

std::string words(const std::vector<std::uint32_t>& values) {
  std::string bytes;
  for (const std::uint32_t value : values) {
    for (int i = 0; i < 4; ++i) bytes += static_cast<char>(value >> (8 * i));
  }
  return bytes;
}

/// Field `number` of a message, of bytes.
std::string field(int number, const std::string& bytes) {
  std::string length;
  std::size_t rest = bytes.size();
  for (; rest >= 0x80; rest >>= 7) length += static_cast<char>((rest & 0x7F) | 0x80);
  return std::string(1, static_cast<char>(number << 3 | 2)) + length + static_cast<char>(rest) + bytes;
}

/// A model with this trie of 256 units, of which the first two are given.
std::string model(std::uint32_t root, std::uint32_t second, const std::string& normal_forms = std::string("a\0", 2)) {
  std::vector<std::uint32_t> units(256, 0);
  units[0] = root;
  units[1] = second;
  const std::string map = words({static_cast<std::uint32_t>(4 * units.size())}) + words(units) + normal_forms;
  return field(1, "a piece") + field(3, field(1, "name") + field(2, map));
}

std::string refusal(const std::string& bytes) {
  return error_of([&] { check_character_maps(bytes, "tokenizer.model"); });
}

TEST(CharacterMap, TakesOffsetsThatStayInside) {
  EXPECT_NO_THROW(check_character_maps(model(with_offset(1), 0), "tokenizer.model"));
  EXPECT_NO_THROW(check_character_maps(model(with_offset(1) | kHasLeaf, 1), "tokenizer.model"));
  EXPECT_NO_THROW(check_character_maps(field(3, field(2, "")), "tokenizer.model"));
}

TEST(CharacterMap, RefusesAnOffsetThatLeadsOutOfTheTrie) {
  EXPECT_THAT(refusal(model(with_offset(256), 0)),
              HasSubstr("tokenizer.model: the normalisation in this SentencePiece"));
  EXPECT_THAT(refusal(model(with_offset(1u << 20) | 1u << 9, 0)), HasSubstr("is damaged"));
}

// Nothing asks the root for its label, so what would be a leaf's mark is one of the bits of its offset.
TEST(CharacterMap, RefusesARootThatIsALeaf) { EXPECT_THAT(refusal(model(1u << 31, 0)), HasSubstr("is damaged")); }

TEST(CharacterMap, RefusesANormalFormBehindTheLast) {
  EXPECT_THAT(refusal(model(with_offset(1) | kHasLeaf, /*second, the leaf's value=*/2)), HasSubstr("is damaged"));
  EXPECT_THAT(refusal(model(with_offset(1), 0, "no end")), HasSubstr("is damaged"));
}

TEST(CharacterMap, RefusesSizesThatLie) {
  EXPECT_THAT(refusal(field(3, field(2, words({1024})))), HasSubstr("is damaged"));
  EXPECT_THAT(refusal(field(3, field(2, "abc"))), HasSubstr("is damaged"));
}

TEST(CharacterMap, RefusesWhatIsNoProtocolBuffer) {
  EXPECT_THAT(refusal("\x1a\x7f too short"), HasSubstr("no protocol buffer"));
  EXPECT_THAT(refusal("{\"version\": 1}"), HasSubstr("no protocol buffer"));
  EXPECT_THAT(refusal(std::string(11, '\xff')), HasSubstr("no protocol buffer"));
  EXPECT_THAT(refusal("\x9a\x80\x80\x80\x80\x01\x01x"), HasSubstr("no protocol buffer"));  // 35 bits of a tag
}

}  // namespace
}  // namespace uncurl::text
