#include "uncurl/text/paragraphs.h"

#include "tests/text/fixtures.h"

namespace uncurl::text {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(RecordsOfText, JoinsShortParagraphsWithAnEmptyLine) {
  EXPECT_THAT(records_of_text("one\nline\n\n \t\n\ntwo\n"), ElementsAre("one\nline\n\ntwo"));
}

TEST(RecordsOfText, StartsANewRecordOnceTheLastIsLongEnough) {
  const std::string paragraph(1500, 'a');
  EXPECT_THAT(records_of_text(paragraph + "\n\n" + paragraph + "\n\nrest"),
              ElementsAre(paragraph + "\n\n" + paragraph, "rest"));
}

TEST(RecordsOfText, ReadsCarriageReturnsAsPartOfTheLineEnd) {
  EXPECT_THAT(records_of_text("a\r\nb\r\n\r\nc"), ElementsAre("a\nb\n\nc"));
}

TEST(RecordsOfText, HoldsNothingForBlankText) {
  EXPECT_THAT(records_of_text(""), SizeIs(0));
  EXPECT_THAT(records_of_text("\n \n\t\n"), SizeIs(0));
}

TEST(RecordsOfText, CutsALongParagraphAtALineEnd) {
  const std::string line(4999, 'a');
  EXPECT_THAT(records_of_text(line + "\n" + line), ElementsAre(line + "\n", line));
}

TEST(RecordsOfText, CutsALongLineAtASpace) {
  const std::string word(4999, 'a');
  EXPECT_THAT(records_of_text(word + " " + word), ElementsAre(word + " ", word));
}

TEST(RecordsOfText, LosesNoByteOfALineWithoutSpaces) {
  std::string text;
  while (text.size() < 50'000) text += "\xE4\xB8\x96";  // three bytes: 8000 is not a multiple
  std::string joined;
  for (const std::string& record : records_of_text(text)) {
    EXPECT_EQ(record.size() % 3, 0u);
    joined += record;
  }
  EXPECT_EQ(joined, text);
}

}  // namespace
}  // namespace uncurl::text
