#include "uncurl/text/tokenizers/byte_alphabet.h"

#include <gtest/gtest.h>

#include <set>

namespace uncurl::text {
namespace {

TEST(ByteAlphabet, HasADifferentCharacterForEachByte) {
  EXPECT_EQ(std::set(byte_alphabet().begin(), byte_alphabet().end()).size(), 256u);
}

// From bytes_to_unicode() of GPT-2's encoder.py.
TEST(ByteAlphabet, WritesBytesAsGpt2Does) {
  EXPECT_EQ(to_byte_alphabet("a !~"), "a\xC4\xA0!~");                       // a space is U+0120
  EXPECT_EQ(to_byte_alphabet("\n"), "\xC4\x8A");                            // U+010A
  EXPECT_EQ(to_byte_alphabet("\xC3\xA9"), "\xC3\x83\xC2\xA9");              // U+00C3 U+00A9
  EXPECT_EQ(to_byte_alphabet("\x7F\x80\xAD"), "\xC4\xA1\xC4\xA2\xC5\x83");  // U+0121 U+0122 U+0143
}

}  // namespace
}  // namespace uncurl::text
