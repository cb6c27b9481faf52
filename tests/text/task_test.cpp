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

TEST_F(TaskFile, KeepsTheRowsOfOneLineInOneCluster) {
  const char* const passage =
      R"({"passage": {"text": "P", "questions": [{"question": "A?", "answers": [{"text": "a", "label": 0}]},
          {"question": "B?", "answers": [{"text": "b", "label": 1}, {"text": "c", "label": 0}]}]}})";
  std::string line = passage;
  line.erase(line.find('\n'), 1);
  rows(line + "\n" + line + "\n");
  json_.update({{"reader", "multirc"}, {"prompt", "{question}"}, {"label", {{"field", "label"}}}});
  std::vector<std::string> clusters;
  for (const TaskExample& example : examples()) clusters.push_back(example.cluster);
  ASSERT_EQ(clusters.size(), 6u);
  EXPECT_THAT(clusters[0], ::testing::EndsWith("rows.jsonl:1"));
  EXPECT_EQ(clusters[2], clusters[0]);
  EXPECT_THAT(clusters[3], ::testing::EndsWith("rows.jsonl:2"));
  EXPECT_EQ(clusters[5], clusters[3]);
}

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

TEST_F(TaskFile, RefusesAnEndThatStandsEverywhere) {
  json_["generation"] = {{"until", {"\n", ""}}};
  EXPECT_THAT(refusal(), HasSubstr("key 'until' holds an empty text"));
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

// 2^32 would be cut to 0, another choice.
TEST_F(TaskFile, RefusesNumbersThatNoTaskNeeds) {
  json_["label"] = {{"field", "gold"}, {"values", {{"a", 4294967296}}}};
  EXPECT_THAT(refusal(), HasSubstr("'a' is choice 4294967296, expected 0 or more"));
  json_["label"] = {{"field", "gold"}};
  json_["generation"] = {{"max_tokens", 1'000'000'000}};
  EXPECT_THAT(refusal(), HasSubstr("max_tokens is 1000000000, expected 1 to 131072"));
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

}  // namespace
}  // namespace uncurl::text
