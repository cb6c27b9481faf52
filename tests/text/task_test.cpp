#include "uncurl/text/task.h"

#include <algorithm>

#include "tests/text/fixtures.h"
#include "uncurl/base/json.h"

namespace uncurl::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TaskFile : public testing::Test {
 protected:
  TaskFile() {
    folder_.write("rows.jsonl",
                  "{\"q\": \"One?\", \"right\": \"b\", \"gold\": 1, \"options\": [\"x\", \"y\", \"z\"]}\n");
    json_ = Json::parse(R"({"name": "t", "description": "d", "metric": "accuracy", "rows": {"train": "rows.jsonl"},
                            "prompt": "Q: {q}", "choices": [" no", " yes"], "label": {"field": "gold"}})");
  }
  Task read() { return read_task(folder_.write("t.json", json_.dump())); }
  std::vector<TaskExample> examples(const std::string& split = "train") {
    return read_examples(read(), split, "/nowhere");
  }
  std::string refusal() {
    return error_of([&] { examples(); });
  }
  void rows(const std::string& text) { folder_.write("rows.jsonl", text); }

  TemporaryFolder folder_;
  Json json_;
};

TEST_F(TaskFile, TurnsRowsIntoPromptsWithChoices) {
  const auto found = examples();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].prompt, "Q: One?");
  EXPECT_THAT(found[0].choices, ElementsAre(" no", " yes"));
  EXPECT_EQ(found[0].right_answer().text(), "Q: One? yes");
}

TEST_F(TaskFile, TakesChoicesFromTheRow) {
  json_["choices"] = {{"field", "options"}, {"prefix", " "}};
  EXPECT_THAT(examples()[0].choices, ElementsAre(" x", " y", " z"));
}

TEST_F(TaskFile, MapsValuesToChoices) {
  json_["label"] = {{"field", "right"}, {"values", {{"a", 0}, {"b", 1}}}};
  EXPECT_EQ(examples()[0].label, 1);
  rows(R"({"q": "Two?", "right": "c"})");
  EXPECT_THAT(refusal(), HasSubstr("rows.jsonl:1: label 'c' is not among the values"));
}

TEST_F(TaskFile, MapsBooleans) {
  json_["label"] = {{"field", "gold"}, {"values", {{"false", 0}, {"true", 1}}}};
  rows(R"({"q": "", "gold": true})");
  EXPECT_EQ(examples()[0].label, 1);
}

TEST_F(TaskFile, HasACompletionInPlaceOfChoices) {
  json_.erase("choices");
  json_.erase("label");
  json_["completion"] = " {right}.";
  EXPECT_EQ(examples()[0].right_answer().text(), "Q: One? b.");
}

TEST_F(TaskFile, FindsRowsBesideItselfThenUnderTheDataRoot) {
  const TemporaryFolder data;
  data.write("other.jsonl", "{\"q\": \"Two?\", \"gold\": 0}\n");
  json_["rows"]["validation"] = "other.jsonl";
  EXPECT_EQ(read_examples(read(), "validation", data.path())[0].prompt, "Q: Two?");
  EXPECT_THAT(error_of([&] { read_examples(read(), "validation", "/nowhere"); }), HasSubstr("UNCURL_DATA"));
}

TEST_F(TaskFile, NamesTheSplitsThereAre) {
  json_["rows"]["test"] = "rows.jsonl";
  EXPECT_THAT(error_of([&] { examples("validation"); }), HasSubstr("no validation rows; this task has test, train"));
}

TEST_F(TaskFile, RefusesKeysItDoesNotKnow) {
  json_["promt"] = "x";
  EXPECT_THAT(refusal(), HasSubstr("promt"));
}

TEST_F(TaskFile, RefusesLabelsWithoutAChoice) {
  rows(R"({"q": "", "gold": 2})");
  EXPECT_THAT(refusal(), HasSubstr("rows.jsonl:1: label 2 is not one of 2 choices"));
  rows(R"({"q": "", "gold": -1})");
  EXPECT_THAT(refusal(), HasSubstr("label -1"));
  rows(R"({"q": "", "gold": true})");
  EXPECT_THAT(refusal(), HasSubstr("must be the index of a choice"));
  rows(R"({"q": ""})");
  EXPECT_THAT(refusal(), HasSubstr("no field 'gold'; the row has q"));
}

TEST_F(TaskFile, RefusesContradictions) {
  json_["completion"] = "{right}";
  EXPECT_THAT(refusal(), HasSubstr("'completion', or 'choices' with 'label'"));
  json_.erase("completion");
  json_.erase("label");
  EXPECT_THAT(refusal(), HasSubstr("needs 'completion', or 'choices' with 'label'"));
}

TEST_F(TaskFile, RefusesBadValues) {
  json_["choices"] = Json::array();
  EXPECT_THAT(refusal(), HasSubstr("'choices' is empty"));
  json_["choices"] = {{"field", "q"}};
  EXPECT_THAT(refusal(), HasSubstr("field 'q' must be an array of choices"));
  json_["metric"] = "beauty";
  EXPECT_THAT(refusal(), HasSubstr("metric 'beauty' is not known (known: accuracy"));
  json_["prompt"] = "{q";
  EXPECT_THAT(refusal(), HasSubstr("metric"));  // the first fault is told first
  json_["metric"] = "accuracy";
  EXPECT_THAT(refusal(), HasSubstr("'{' without"));
  json_["rows"] = Json::object();
  EXPECT_THAT(refusal(), HasSubstr("names no rows"));
}

// ---- the tasks of this repository ----

TEST(Tasks, AreAllReadableAndNamedAsTheirFiles) {
  const auto folder = repository() / "tasks";
  const auto names = task_names(folder);
  EXPECT_THAT(names, ElementsAre("arc_easy", "boolq", "cb", "copa", "gsm8k", "mbpp", "multirc", "rte",
                                 "sentence_polarity", "wic", "wsc"));
  for (const std::string& name : names) EXPECT_EQ(read_task(folder / (name + ".json")).name, name);
}

std::vector<TaskExample> shipped(const std::string& name, const std::string& split = "train") {
  return read_examples(read_task(repository() / "tasks" / (name + ".json")), split, shared_data());
}

// Numbers of rows as the README of the data gives them; for MultiRC the number of question-answer pairs.
TEST(Tasks, ReadEveryTrainingRow) {
  UNCURL_SKIP_WITHOUT(shared_data() / "superglue");
  EXPECT_EQ(shipped("boolq").size(), 8484u);
  EXPECT_EQ(shipped("cb").size(), 208u);
  EXPECT_EQ(shipped("copa").size(), 317u);
  EXPECT_EQ(shipped("multirc").size(), 24080u);
  EXPECT_EQ(shipped("rte").size(), 2133u);
  EXPECT_EQ(shipped("wic").size(), 4991u);
  EXPECT_EQ(shipped("wsc").size(), 476u);
  EXPECT_EQ(shipped("gsm8k").size(), 7473u);
  EXPECT_EQ(shipped("mbpp").size(), 474u);
  EXPECT_EQ(shipped("sentence_polarity").size(), 8775u);
  EXPECT_EQ(shipped("arc_easy").size(), 2251u);
  EXPECT_EQ(shipped("arc_easy", "test").size(), 2376u);
}

// Texts by hand from the first rows and the templates of lm-evaluation-harness 0.4.
TEST(Tasks, RenderTheFirstRowsAsTheHarnessDoes) {
  UNCURL_SKIP_WITHOUT(shared_data() / "superglue");
  EXPECT_EQ(shipped("cb")[0].right_answer().text(),
            "It was a complex language. Not written down but handed down. One might say it was peeled down.\n"
            "Question: the language was peeled down. True, False, or Neither?\nAnswer: True");
  EXPECT_EQ(shipped("copa")[0].right_answer().text(),
            "My body cast a shadow over the grass because the sun was rising.");
  EXPECT_EQ(shipped("rte")[0].right_answer().text(),
            "No Weapons of Mass Destruction Found in Iraq Yet.\n"
            "Question: Weapons of Mass Destruction Found in Iraq. True or False?\nAnswer: False");
  EXPECT_EQ(shipped("wic")[0].right_answer().text(),
            "Sentence 1: Do you want to come over to my place later?\n"
            "Sentence 2: A political system with no place for the less prominent groups.\n"
            "Question: Is the word 'place' used in the same way in the two sentences above?\nAnswer: no");
  EXPECT_EQ(
      shipped("wsc")[0].right_answer().text(),
      "Passage: Mark told Pete many lies about himself, which Pete included in his book. *He* should have been more "
      "skeptical.\nQuestion: In the passage above, does the pronoun \"*He*\" refer to \"*Mark*\"?\nAnswer: no");
  EXPECT_THAT(shipped("boolq")[0].right_answer().text(),
              testing::EndsWith("\nQuestion: do iran and afghanistan speak the same language?\nAnswer: yes"));
  EXPECT_THAT(shipped("multirc")[0].right_answer().text(),
              testing::EndsWith("\nQuestion: What did the high-level effort to persuade Pakistan include?\n"
                                "Answer: Children, Gerd, or Dorian Popa\nIs the answer correct? no"));
  EXPECT_THAT(shipped("gsm8k")[0].right_answer().text(),
              testing::StartsWith("Question: Natalia sold clips to 48 of her"));
  EXPECT_THAT(shipped("gsm8k")[0].right_answer().text(), testing::HasSubstr("\nAnswer: Natalia sold 48/2"));
  EXPECT_EQ(shipped("arc_easy")[0].right_answer().text(),
            "Question: Which factor will most likely cause a person to develop a fever?\n"
            "Answer: a bacterial population in the bloodstream");
  EXPECT_EQ(shipped("arc_easy", "test")[0].choices[0], " Sunlight is the source of energy for nearly all ecosystems.");
}

}  // namespace
}  // namespace uncurl::text
