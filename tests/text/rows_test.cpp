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

TEST(ReadRows, RefusesOtherFiles) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { read_rows(folder.write("a.json", "{}")); }), HasSubstr("expected a JSON array"));
  EXPECT_THAT(error_of([&] { read_rows(folder.write("a.csv", "")); }), HasSubstr("a.csv: rows are read from"));
  EXPECT_THAT(error_of([&] { read_rows(folder.path() / "gone.jsonl"); }), HasSubstr("gone.jsonl"));
}

}  // namespace
}  // namespace uncurl::text
