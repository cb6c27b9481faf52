#include "uncurl/text/text_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"
#include "tests/text/fixtures.h"

namespace uncurl::text {
namespace {

using testing::HasSubstr;
using namespace std::string_literals;

/// Latin text in UTF-16, as Python's str.encode("utf-16-le") and "utf-16-be" give it.
std::string utf16(const std::string& latin, bool little_endian) {
  std::string bytes;
  for (const char c : latin) bytes += little_endian ? std::string{c, '\0'} : std::string{'\0', c};
  return bytes;
}

TEST(OtherEncoding, IsKnownByItsMark) {
  EXPECT_EQ(other_encoding("\xFF\xFE" + utf16("text", true)), "UTF-16LE");
  EXPECT_EQ(other_encoding("\xFE\xFF" + utf16("text", false)), "UTF-16BE");
  EXPECT_EQ(other_encoding("\xFF\xFE\0\0t\0\0\0"s), "UTF-32LE");
  EXPECT_EQ(other_encoding("\0\0\xFE\xFF\0\0\0t"s), "UTF-32BE");
}

TEST(OtherEncoding, IsKnownByItsZeroBytes) {
  EXPECT_EQ(other_encoding(utf16("a line of text\n", true)), "UTF-16LE");
  EXPECT_EQ(other_encoding(utf16("a line of text\n", false)), "UTF-16BE");
  EXPECT_EQ(other_encoding("\x7F"s + "ELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0>\0"s), "binary data");
}

TEST(OtherEncoding, IsNoneForText) {
  EXPECT_EQ(other_encoding(""), "");
  EXPECT_EQ(other_encoding("plain, \xC3\xA4 and \xE4\xBD\xA0"), "");
  EXPECT_EQ(other_encoding("one broken byte \xFF in a text"), "");
}

class TextFile : public testing::Test {
 protected:
  std::string refusal(const std::string& name, const std::string& bytes) {
    const std::filesystem::path path = folder_.write(name, bytes);
    return test::error_of([&] { read_text_file(path); });
  }

  TemporaryFolder folder_;
};

TEST_F(TextFile, DropsTheMarkOfUtf8) {
  EXPECT_EQ(read_text_file(folder_.write("a.txt", "\xEF\xBB\xBFtext")), "text");
  EXPECT_EQ(read_text_file(folder_.write("b.txt", "text")), "text");
}

TEST_F(TextFile, NamesTheEncodingAndHowToConvertIt) {
  const std::string message = refusal("notes.txt", "\xFF\xFE" + utf16("notes", true));
  EXPECT_THAT(message,
              HasSubstr("notes.txt: is text in UTF-16LE, expected UTF-8; convert it: iconv -f UTF-16 -t UTF-8"));
  EXPECT_THAT(message, HasSubstr("> notes.utf8.txt"));
  EXPECT_THAT(refusal("blob.txt", "\0\1\2\3\0\0"s), HasSubstr("blob.txt: is binary data"));
}

}  // namespace
}  // namespace uncurl::text
