#include "uncurl/base/printable.h"

#include <gtest/gtest.h>

namespace uncurl {
namespace {

TEST(Printable, LeavesTextOfAnyLanguageAlone) {
  EXPECT_EQ(printable("layer 3: größe 字 🙂 [64,2048] \\n"), "layer 3: größe 字 🙂 [64,2048] \\n");
}

TEST(Printable, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(printable("a\x1b[2Jb\r\n\tc\x7f"), "a\\x1b[2Jb\\r\\n\\tc\\x7f");
  EXPECT_EQ(printable("\xC2\x9B 1 \xE2\x80\xAE 2 \xE2\x81\xA6"), "\\u{009b} 1 \\u{202e} 2 \\u{2066}");
}

TEST(Printable, EscapesAZeroByteThatWouldEndTheMessage) {
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
}

// Overlong '/', a surrogate, a lone continuation, a cut sequence: none is UTF-8 (Unicode 15, table 3-7).
TEST(Printable, EscapesInvalidUtf8ByByte) {
  EXPECT_EQ(printable("\xC0\xAF \xED\xA0\x80 \x80 \xE5\xAD"), "\\xc0\\xaf \\xed\\xa0\\x80 \\x80 \\xe5\\xad");
}

TEST(Printable, KeepsEndsOfLinesWhereAsked) { EXPECT_EQ(printable("a\nb\tc", /*keep_lines=*/true), "a\nb\\tc"); }

TEST(Printable, CutsTheMiddleAndSaysHowMuch) {
  EXPECT_EQ(shortened("0123456789", 10), "0123456789");
  EXPECT_EQ(shortened("abcdefghijklmnopqrstuvwxyz", 9), "abcdef [... 17 bytes ...] xyz");
}

TEST(Printable, CutsBetweenCharacters) {
  EXPECT_EQ(shortened("ä"
                      "ö"
                      "ü"
                      "ß"
                      "é"
                      "è",
                      6),
            "äö [... 6 bytes ...] è");
}

}  // namespace
}  // namespace uncurl
