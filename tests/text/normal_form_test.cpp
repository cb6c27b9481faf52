#include "uncurl/text/normal_form.h"

#include <gtest/gtest.h>

namespace uncurl::text {
namespace {

const std::string kEAcute = "\xC3\xA9", kAcute = "\xCC\x81";

TEST(NormalForm, ComposesAndDecomposes) {
  EXPECT_EQ(normal_form("e" + kAcute, NormalForm::nfc), kEAcute);
  EXPECT_EQ(normal_form(kEAcute, NormalForm::nfd), "e" + kAcute);
}

TEST(NormalForm, ReplacesCompatibleCharactersInTheKFormsOnly) {
  const std::string ligature = "\xEF\xAC\x81";  // U+FB01, "fi"
  EXPECT_EQ(normal_form(ligature, NormalForm::nfkc), "fi");
  EXPECT_EQ(normal_form(ligature, NormalForm::nfc), ligature);
}

TEST(NormalForm, OrdersMarksByTheirClass) {
  const std::string dot_below = "\xCC\xA3";  // class 220 goes before the acute accent's 230
  EXPECT_EQ(normal_form("x" + kAcute + dot_below, NormalForm::nfd), "x" + dot_below + kAcute);
}

// U+1DF6 (Unicode 10, class 232) is unassigned to Hugging Face's library, so the mark after it stays after it.
TEST(NormalForm, MovesNothingAcrossMarksNewerThanUnicode9) {
  const std::string text = "a\xE1\xB7\xB6" + kAcute;
  EXPECT_EQ(normal_form(text, NormalForm::nfd), text);
}

TEST(NormalForm, KeepsTheJamoThatEndsNoSyllable) {
  const std::string text = "\xEC\x95\x84\xE1\x86\xA7";  // U+C544 U+11A7
  EXPECT_EQ(normal_form(text, NormalForm::nfc), text);
}

TEST(NormalForm, KeepsNulAndPlainText) {
  const std::string text = std::string("a\0b", 3);
  EXPECT_EQ(normal_form(text + kEAcute, NormalForm::nfkd), text + "e" + kAcute);
}

}  // namespace
}  // namespace uncurl::text
