// The expected texts are what the functions of lm-evaluation-harness 0.4 (utils.py of copa, preprocess_wsc.py) return
// for these rows, which are taken from SuperGLUE.
#include "tests/text/fixtures.h"
#include "uncurl/text/readers/reader.h"

namespace uncurl::text {
namespace {

using ::testing::HasSubstr;

Row row(const char* json) { return {Json::parse(json), "rows.jsonl:3"}; }

std::string field(const Row& row, const char* name) { return row.fields.at(name).get<std::string>(); }

TEST(Arc, TakesAnInstructionApart) {
  const auto rows = read_arc(row(
      R"({"instruction": "Please choose the correct answer to the question: Why? \n\nAnswer1: a b Answer2: c\n\nAnswer format: answer1/answer2", "answer": "answer2"})"));
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(field(rows[0], "query"), "Question: Why?");
  EXPECT_EQ(rows[0].fields.at("choices"), Json({"a b", "c"}));
  EXPECT_EQ(rows[0].fields.at("gold"), 1);
}

TEST(Arc, LeavesRowsThatHaveTheirFields) {
  const Row plain = row(R"({"query": "Question: Why?", "choices": ["a", "b"], "gold": 0})");
  EXPECT_EQ(read_arc(plain)[0].fields, plain.fields);
}

TEST(Arc, RefusesOtherInstructionsAndAnswers) {
  const Row other = row(R"({"instruction": "Write a poem.", "answer": "answer1"})");
  EXPECT_THAT(error_of([&] { read_arc(other); }), HasSubstr("rows.jsonl:3: field 'instruction' is no question"));
  const Row bad = row(
      R"({"instruction": "Please choose the correct answer to the question: Q\n\nAnswer1: a\n\nAnswer format: answer1", "answer": "answer3"})");
  EXPECT_THAT(error_of([&] { read_arc(bad); }), HasSubstr("field 'answer' is 'answer3'"));
}

TEST(Copa, BecomesOneSentenceWithTwoEnds) {
  const auto rows =
      read_copa(row(R"({"premise": "My body cast a shadow over the grass.", "choice1": "The sun was rising.",
                                      "choice2": "The grass was cut.", "question": "cause", "label": 0})"));
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(field(rows[0], "premise_stem"), "My body cast a shadow over the grass");
  EXPECT_EQ(field(rows[0], "connector"), "because");
  EXPECT_EQ(field(rows[0], "lower_choice1"), "the sun was rising.");
}

TEST(Copa, RefusesAQuestionThatIsNeitherCauseNorEffect) {
  const Row bad = row(R"({"premise": "A.", "choice1": "B.", "choice2": "C.", "question": "why"})");
  EXPECT_THAT(error_of([&] { read_copa(bad); }), HasSubstr("rows.jsonl:3: field 'question' is 'why'"));
}

TEST(Copa, RefusesEmptyFields) {
  const Row bad = row(R"({"premise": "", "choice1": "B.", "choice2": "C.", "question": "cause"})");
  EXPECT_THAT(error_of([&] { read_copa(bad); }), HasSubstr("'premise' is empty"));
}

TEST(Multirc, GivesOneRowPerAnswer) {
  const auto rows = read_multirc(row(R"({"passage": {"text": "P", "questions": [
      {"question": "Q1", "answers": [{"text": "a", "label": 0}, {"text": "b", "label": 1}]},
      {"question": "Q2", "answers": [{"text": "c", "label": 1}]}]}})"));
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(field(rows[2], "paragraph"), "P");
  EXPECT_EQ(field(rows[2], "question"), "Q2");
  EXPECT_EQ(field(rows[1], "answer"), "b");
  EXPECT_EQ(rows[1].fields.at("label"), 1);
}

TEST(Multirc, SaysWhatAnAnswerLacks) {
  const Row bad = row(R"({"passage": {"text": "P", "questions": [{"question": "Q", "answers": [{"text": "a"}]}]}})");
  EXPECT_THAT(error_of([&] { read_multirc(bad); }), HasSubstr("rows.jsonl:3: question 1: no field 'label'"));
  EXPECT_THAT(error_of([] { read_multirc(row(R"({"passage": "P"})")); }), HasSubstr("no field 'passage.text'"));
}

TEST(Wic, CutsTheWordOutByCharacters) {
  const auto rows =
      read_wic(row(R"({"word": "caf\u00e9", "sentence1": "\u00c9t\u00e9 caf\u00e9s open.", "start1": 4, "end1": 9})"));
  EXPECT_EQ(field(rows[0], "word_in_sentence1"), "caf\xC3\xA9s");
}

TEST(Wic, RefusesASpanOutsideTheSentence) {
  const Row bad = row(R"({"sentence1": "abc", "start1": 4, "end1": 9})");
  EXPECT_THAT(error_of([&] { read_wic(bad); }), HasSubstr("mark nothing"));
}

TEST(Wsc, MarksThePronounInThePassage) {
  const auto rows = read_wsc(row(
      R"({"text": "Mark told Pete many lies about himself, which Pete included in his book. He should have been more skeptical.",
      "target": {"span2_index": 13, "span1_index": 0, "span1_text": "Mark", "span2_text": "He"}, "label": false})"));
  EXPECT_EQ(
      field(rows[0], "passage"),
      "Mark told Pete many lies about himself, which Pete included in his book. *He* should have been more skeptical.");
  EXPECT_EQ(field(rows[0], "noun"), "Mark");
}

TEST(Wsc, TakesOutTheSpacesOfTokenisedText) {
  const auto rows = read_wsc(row(R"({"text": "He did n't say \" no \" , ( really ) . It is Bob 's .",
      "target": {"span2_index": 12, "span1_text": "Bob", "span2_text": "It"}, "label": false})"));
  EXPECT_EQ(field(rows[0], "passage"), "He didn't say\"no\", (really). *It* is Bob's.");
}

TEST(Wsc, EndsWithThePassageIfTheSpanDoes) {
  const auto rows =
      read_wsc(row(R"({"text": "Bob saw it", "target": {"span2_index": 2, "span1_text": "Bob", "span2_text": "it"}})"));
  EXPECT_EQ(field(rows[0], "passage"), "Bob saw *it*");
}

TEST(FindReader, ListsTheReadersThereAre) {
  EXPECT_THAT(error_of([] { find_reader("nested", "t.json"); }),
              HasSubstr("t.json: reader 'nested' is not known (known: flat, arc, copa"));
}

}  // namespace
}  // namespace uncurl::text
