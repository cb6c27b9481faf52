#include "uncurl/text/rows.h"

#include "tests/text/fixtures.h"

namespace uncurl::text {
namespace {

using ::testing::HasSubstr;

TEST(ReadRows, CountsLinesOfJsonlAndSkipsEmptyOnes) {
  const TemporaryFolder folder;
  const auto rows = read_rows(folder.write("a.jsonl", "{\"x\": 1}\n\n  \r\n{\"x\": 2}"));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].fields.at("x"), 2);
  EXPECT_THAT(rows[1].place, HasSubstr("a.jsonl:4"));
}

TEST(ReadRows, ReadsAJsonArray) {
  const TemporaryFolder folder;
  const auto rows = read_rows(folder.write("a.json", R"([{"x": 1}, {"x": 2}])"));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_THAT(rows[1].place, HasSubstr("a.json[1]"));
}

TEST(ReadRows, SaysWhichLineIsBroken) {
  const TemporaryFolder folder;
  const auto broken = folder.write("a.jsonl", "{\"x\": 1}\n{\"x\": ");
  EXPECT_THAT(error_of([&] { read_rows(broken); }), HasSubstr("a.jsonl:2: not valid JSON"));
  const auto number = folder.write("b.jsonl", "{}\n7\n");
  EXPECT_THAT(error_of([&] { read_rows(number); }), HasSubstr("b.jsonl:2: expected a JSON object"));
}

class BrokenCharacters : public testing::Test {
 protected:
  std::string text_of(const std::string& line) {
    return read_rows(folder_.write("a.jsonl", "{\"x\": \"" + line + "\"}")).at(0).fields.at("x");
  }

  TemporaryFolder folder_;
};

TEST_F(BrokenCharacters, BecomeTheReplacementCharacter) {
  EXPECT_EQ(text_of("caf\xE9!"), "caf\xEF\xBF\xBD!");  // Latin-1
  EXPECT_EQ(text_of(R"(cut \ud83d)"), "cut \xEF\xBF\xBD");
  EXPECT_EQ(text_of(R"(cut \ud83d\n)"), "cut \xEF\xBF\xBD\n");
  EXPECT_EQ(text_of(R"(\uDE00 alone)"), "\xEF\xBF\xBD alone");
}

TEST_F(BrokenCharacters, AreReplacedInAJsonArrayToo) {
  const auto rows = read_rows(folder_.write("a.json", "[{\"x\": \"\xFF\"}, {\"x\": \"\\udc00\"}]"));
  EXPECT_EQ(rows.at(0).fields.at("x"), "\xEF\xBF\xBD");
  EXPECT_EQ(rows.at(1).fields.at("x"), "\xEF\xBF\xBD");
}

TEST_F(BrokenCharacters, DoNotIncludeWholePairs) {
  EXPECT_EQ(text_of(R"(\ud83d\ude00)"), "\xF0\x9F\x98\x80");
  EXPECT_EQ(text_of(R"(\ud83d\uD83D\uDE00)"), "\xEF\xBF\xBD\xF0\x9F\x98\x80");
}

TEST_F(BrokenCharacters, DoNotIncludeEscapedBackslashes) {
  EXPECT_EQ(text_of(R"(C:\\ud83d)"), R"(C:\ud83d)");
  EXPECT_EQ(text_of(R"(\\\ud83d)"), "\\\xEF\xBF\xBD");
  EXPECT_EQ(text_of(R"(\u005cud83d)"), R"(\ud83d)");
}

TEST(ReadRows, RefusesOtherFiles) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { read_rows(folder.write("a.json", "{}")); }), HasSubstr("expected a JSON array"));
  EXPECT_THAT(error_of([&] { read_rows(folder.write("a.csv", "")); }), HasSubstr("a.csv: rows are read from"));
  EXPECT_THAT(error_of([&] { read_rows(folder.path() / "gone.jsonl"); }), HasSubstr("gone.jsonl"));
}

}  // namespace
}  // namespace uncurl::text
