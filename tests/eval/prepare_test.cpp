#include "uncurl/eval/prepare.h"

#include "tests/eval/fixtures.h"
#include "uncurl/base/file.h"

namespace uncurl::eval {
namespace {

using testing::HasSubstr;

class Prepare : public testing::Test {
 protected:
  Prepare() {
    std::string rows;
    for (int i = 0; i < 40; ++i) rows += concat(R"({"q": "row )", i, R"(", "gold": )", i % 2, "}\n");
    write_text(folder_ / "rows.jsonl", rows);
    json_ = Json::parse(R"({"name": "t", "description": "d", "metric": "accuracy", "rows": {"validation": "rows.jsonl"},
                            "prompt": "{q}", "choices": [" no", " yes"], "label": {"field": "gold"}})");
  }
  PreparedTask prepared(const PrepareOptions& options = {}) {
    write_json(folder_ / "t.json", json_);
    return prepare((folder_ / "t.json").string(), {letters_, text::NamedToken(31), 100}, options);
  }
  std::string refusal() {
    return test::error_of([&] { prepared(); });
  }

  test::TemporaryFolder folder_;
  LetterTokenizer letters_;
  Json json_;
};

TEST_F(Prepare, MakesARequestOfEveryChoice) {
  const PreparedTask task = prepared();
  EXPECT_EQ(task.items.size(), 40u);
  EXPECT_EQ(task.split, "validation");
  EXPECT_EQ(task.requests.num_requests(), 80);
  EXPECT_EQ(task.requests.num_scored(), 40 * (3 + 4));
  EXPECT_THAT(task.requests.names[5], testing::AllOf(testing::StartsWith("t: "), testing::EndsWith("rows.jsonl:3")));
}

TEST_F(Prepare, TakesAFixedSampleOfRows) {
  const PreparedTask few = prepared({.limit = 7}), more = prepared({.limit = 20});
  ASSERT_EQ(few.items.size(), 7u);
  ASSERT_EQ(more.items.size(), 20u);
  for (const Item& item : few.items) {
    EXPECT_TRUE(std::any_of(more.items.begin(), more.items.end(),
                            [&](const Item& other) { return other.example.prompt == item.example.prompt; }));
  }
  EXPECT_NE(few.content_hash, more.content_hash);
}

TEST_F(Prepare, LeavesOutTrainRowsThatPruningObserves) {
  json_["rows"] = {{"train", "rows.jsonl"}};
  const PreparedTask task = prepared();
  EXPECT_EQ(task.split, "held-out train");
  EXPECT_LT(task.items.size(), 15u);
  EXPECT_EQ(prepared({.split = "train"}).items.size(), 40u);
}

TEST_F(Prepare, JudgesAPlainTextInWindows) {
  write_text(folder_ / "a.txt", std::string(250, 'a') + "\n");
  const PreparedTask task = prepare((folder_ / "a.txt").string(), {letters_, text::NamedToken(31), 100}, {});
  ASSERT_EQ(task.items.size(), 1u);
  EXPECT_EQ(task.items[0].choices[0].num_requests, 3u);
  EXPECT_EQ(task.metric, "perplexity");
  EXPECT_EQ(task.items[0].num_words, 1);
}

TEST_F(Prepare, KnowsAnotherTaskFileByItsHash) {
  const PreparedTask before = prepared();
  json_["metric"] = "macro_f1";
  const PreparedTask after = prepared();
  EXPECT_EQ(after.content_hash, before.content_hash);
  EXPECT_NE(after.file_hash, before.file_hash);
}

TEST_F(Prepare, NamesWhatAMetricLacks) {
  json_["metric"] = "answer_f1";
  EXPECT_THAT(refusal(), HasSubstr("metric answer_f1 needs 'group' to be measured"));
  json_["metric"] = "exact_match";
  EXPECT_THAT(refusal(), HasSubstr("needs a 'completion'"));
}

}  // namespace
}  // namespace uncurl::eval
