// Which rows of a source are used, and what is said of the others.
#include "uncurl/text/left_out.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"
#include "tests/text/fixtures.h"
#include "uncurl/text/source.h"

namespace uncurl::text {
namespace {

using testing::HasSubstr;

class LeftOutRows : public testing::Test {
 protected:
  Source read(const std::string& name, const std::string& content, bool skip = false) {
    return read_source({folder_.write(name, content).string(), std::nullopt},
                       {.tasks_folder = folder_.path(), .data_root = folder_.path(), .skip_bad_rows = skip});
  }
  std::string refusal(const std::string& name, const std::string& content, bool skip = false) {
    return test::error_of([&] { read(name, content, skip); });
  }

  TemporaryFolder folder_;
};

TEST_F(LeftOutRows, AreCountedWhereARowHasNoText) {
  const Source source = read("a.jsonl", "{\"text\": \"t\"}\n{\"text\": \" \\n\"}\n{\"text\": \"\"}\n");
  EXPECT_EQ(source.examples.size(), 1U);
  EXPECT_EQ(source.left_out.empty.count, 2);
  EXPECT_THAT(left_out_text(source.left_out), HasSubstr("2 rows left out: 2 without text (the first: "));
  EXPECT_THAT(source.left_out.empty.first, HasSubstr("a.jsonl:2"));
}

// The prompt of such a row was judged as if it were the answer.
TEST_F(LeftOutRows, AreThoseWhoseAnswerIsEmpty) {
  const Source source =
      read("a.jsonl",
           "{\"prompt\": \"p\", \"completion\": \" c\"}\n{\"prompt\": \"p\", \"completion\": \"\"}\n"
           "{\"prompt\": \"p\", \"completion\": \" \\n\"}\n{\"prompt\": \"\", \"completion\": \"c\"}\n");
  EXPECT_EQ(source.examples.size(), 2U);
  EXPECT_EQ(source.left_out.unanswered.count, 2);
  EXPECT_THAT(refusal("b.jsonl", "{\"prompt\": \"p\", \"completion\": \"\"}\n"),
              HasSubstr("no usable rows: 1 row left out: 1 with a prompt and an empty answer (the first: "));
}

TEST_F(LeftOutRows, AreThoseOfATaskWhoseAnswerIsEmpty) {
  folder_.write("t.json", R"({"name": "t", "description": "d", "metric": "exact_match", "rows": {"train": "r.jsonl"},
                              "prompt": "{q}", "completion": "{a}"})");
  folder_.write("r.jsonl", "{\"q\": \"Q\", \"a\": \"A\"}\n{\"q\": \"Q\", \"a\": \"\"}\n");
  const Source source = read_source({"t", std::nullopt}, {.tasks_folder = folder_.path()});
  EXPECT_EQ(source.examples.size(), 1U);
  EXPECT_THAT(source.left_out.unanswered.first, HasSubstr("r.jsonl:2"));
}

constexpr const char* kBadRows =
    "{\"text\": \"t\"}\n{\"text\": null}\n{\"text\": \"u\", \"score\": NaN}\n{\"other\": 1}\n{\"text\": \"v\"}\n"
    "{\"text\": \"cut sh";

TEST_F(LeftOutRows, EndTheRunWithTheWayOutUnlessTheyAreSkipped) {
  EXPECT_THAT(refusal("a.jsonl", "{\"text\": \"t\"}\n{\"text\": null}\n"),
              testing::AllOf(HasSubstr("a.jsonl:2: field 'text'"), HasSubstr("--skip-bad-rows")));
  EXPECT_THAT(refusal("b.jsonl", "{\"text\": \"t\", \"score\": NaN}\n"),
              testing::AllOf(HasSubstr("b.jsonl:1: not valid JSON"), HasSubstr("--skip-bad-rows")));
}

TEST_F(LeftOutRows, AreCountedWhereTheyAreSkipped) {
  const Source source = read("a.jsonl", kBadRows, /*skip=*/true);
  ASSERT_EQ(source.examples.size(), 2U);
  EXPECT_EQ(source.examples[1].text(), "v");
  EXPECT_THAT(source.examples[1].place, HasSubstr("a.jsonl:5"));
  EXPECT_EQ(source.left_out.bad.count, 4);
  EXPECT_THAT(source.left_out.bad.first, HasSubstr("a.jsonl:2: field 'text'"));
}

TEST_F(LeftOutRows, MayBeAllOfThem) {
  EXPECT_THAT(refusal("a.jsonl", "{\"text\": null}\n", /*skip=*/true),
              HasSubstr("no usable rows: 1 row left out: 1 that cannot be read (the first: "));
}

TEST_F(LeftOutRows, AreNamedByTheirIndexInAnArray) {
  const Source source = read("a.json", R"([{"text": "t"}, 7, {"text": "u"}])", /*skip=*/true);
  EXPECT_EQ(source.examples.size(), 2U);
  EXPECT_THAT(source.left_out.bad.first, HasSubstr("a.json[1]: expected a JSON object"));
}

TEST_F(LeftOutRows, AreReadInEitherCaseOfTheFileName) {
  EXPECT_EQ(read("a.JSONL", "{\"text\": \"t\"}\n").examples.size(), 1U);
  EXPECT_EQ(read("a.ndjson", "{\"text\": \"t\"}\n").examples.size(), 1U);
}

TEST_F(LeftOutRows, OfOtherShapesAreRefusedWithTheWayOut) {
  EXPECT_THAT(refusal("chat.jsonl", R"({"messages": [{"role": "user", "content": "hi"}]})"),
              HasSubstr("apply_chat_template"));
  EXPECT_THAT(refusal("ids.jsonl", R"({"input_ids": [1, 2], "attention_mask": [1, 1]})"),
              HasSubstr("tokenizer.decode"));
  EXPECT_THAT(refusal("a.parquet", "PAR1"), HasSubstr("read_parquet"));
  EXPECT_THAT(refusal("a.jsonl.gz", "\x1F\x8B"), HasSubstr("unpack it first"));
}

}  // namespace
}  // namespace uncurl::text
