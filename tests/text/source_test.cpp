#include "uncurl/text/source.h"

#include <unistd.h>

#include "tests/text/fixtures.h"

namespace uncurl::text {
namespace {

using ::testing::HasSubstr;

TEST(SourceRequest, ReadsAPathWithOrWithoutAWeight) {
  EXPECT_EQ(parse_source_request("a.txt").path, "a.txt");
  EXPECT_FALSE(parse_source_request("a.txt").weight.has_value());
  EXPECT_EQ(parse_source_request("a.txt:0.25").path, "a.txt");
  EXPECT_EQ(parse_source_request("a.txt:0.25").weight, 0.25);
  EXPECT_EQ(parse_source_request("c:/data/a.txt").path, "c:/data/a.txt");
  EXPECT_EQ(parse_source_request("dir:3/a.txt").path, "dir:3/a.txt");
}

TEST(SourceRequest, RefusesWeightsThatAreNotPositive) {
  for (const char* const text : {"a:0", "a:-1", "a:nan", "a:inf", "a:1e999"})
    EXPECT_THROW(parse_source_request(text), UsageError) << text;
}

TEST(SourceRequest, RefusesAnEmptyPath) {
  EXPECT_THROW(parse_source_request(""), UsageError);
  EXPECT_THROW(parse_source_request(":2"), UsageError);
}

TEST(SourceRequests, HaveWeightsAllOrNone) {
  EXPECT_EQ(parse_source_requests({"a.txt:2", "b.txt:1"}).at(1).weight, 1.0);
  EXPECT_FALSE(parse_source_requests({"a.txt", "b.txt"}).at(1).weight.has_value());
  EXPECT_THROW(parse_source_requests({"a.txt:2", "b.txt"}), UsageError);
  EXPECT_THAT(error_of([] {
                parse_source_requests({"a.txt:2", "b.txt", "boolq"});
              }),
              HasSubstr("without a weight beside others that have one: b.txt, boolq; "));
}

TEST(HeldOutRequests, HaveNoWeights) {
  EXPECT_EQ(parse_held_out_requests({"a.txt", "b.jsonl"}).at(1).path, "b.jsonl");
  EXPECT_THROW(parse_held_out_requests({"a.txt", "b.jsonl:7"}), UsageError);
  EXPECT_THAT(error_of([] {
                parse_held_out_requests({"a.txt", "b.jsonl:7"});
              }),
              HasSubstr("'b.jsonl:7': a weight has no effect on what is held out; write 'b.jsonl'"));
}

class ReadSource : public testing::Test {
 protected:
  Source read(const std::filesystem::path& path, const ReadOptions& options = {}) {
    return read_source({path.string(), 2.0}, options);
  }
  std::string refusal(const std::filesystem::path& path, const ReadOptions& options = {}) {
    return error_of([&] { read(path, options); });
  }

  TemporaryFolder folder_;
};

// What `--task <(command)` hands over has no extension by which its rows could be read.
TEST_F(ReadSource, RefusesAPipeOfTheShellAndSaysWhatToDo) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  EXPECT_THAT(refusal("/dev/fd/" + std::to_string(ends[0])),
              HasSubstr("is a pipe, which cannot be read twice; write what it delivers into a file"));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(ReadSource, RefusesADevice) { EXPECT_EQ(refusal("/dev/zero"), "/dev/zero: is a device, expected a file"); }

TEST_F(ReadSource, TakesParagraphsOfAText) {
  const Source source = read(folder_.write("a.txt", "one\n\ntwo\n"));
  ASSERT_EQ(source.examples.size(), 1u);
  EXPECT_EQ(source.examples[0].text(), "one\n\ntwo");
  EXPECT_EQ(source.weight, 2.0);
  EXPECT_EQ(source.name, (folder_.path() / "a.txt").string());
}

TEST_F(ReadSource, TakesTextOrPromptWithCompletion) {
  const Source source =
      read(folder_.write("a.jsonl", "{\"text\": \"t\", \"id\": 3}\n{\"prompt\": \"p\", \"completion\": \" c\"}\n"));
  ASSERT_EQ(source.examples.size(), 2u);
  EXPECT_EQ(source.examples[0].prompt, "t");
  EXPECT_EQ(source.examples[0].completion, "");
  EXPECT_EQ(source.examples[1].completion, " c");
  EXPECT_EQ(source.examples[1].text(), "p c");
}

TEST_F(ReadSource, RendersTheTemplateAsTyped) {
  const Source source =
      read(folder_.write("a.jsonl", R"({"q": "Q", "text": "unused"})"), {.record_template = "{q}\\n{{x}}"});
  EXPECT_EQ(source.examples[0].text(), "Q\n{x}");
}

TEST_F(ReadSource, SaysWhichFieldsARowHas) {
  const auto path = folder_.write("a.jsonl", "{\"text\": \"t\"}\n{\"question\": \"q\", \"answer\": \"a\"}\n");
  EXPECT_THAT(refusal(path),
              HasSubstr("a.jsonl:2: expected the field 'text', or 'prompt' and 'completion'; the row has "
                        "question, answer"));
  EXPECT_THAT(refusal(path, {.record_template = "{question}"}),
              HasSubstr("a.jsonl:1: no field 'question'; the row has text"));
  EXPECT_THAT(refusal(folder_.write("b.jsonl", "{\"text\": [1]}")),
              HasSubstr("b.jsonl:1: field 'text' is not a single value"));
}

TEST_F(ReadSource, SaysWhichLineIsNotJson) {
  EXPECT_THAT(refusal(folder_.write("a.jsonl", "{\"text\": \"t\"}\n{\"text\": \"t\n")),
              HasSubstr("a.jsonl:2: not valid JSON"));
}

TEST_F(ReadSource, RefusesFilesWithoutUsableRows) {
  EXPECT_THAT(refusal(folder_.write("a.txt", "")), HasSubstr("a.txt: no usable rows"));
  EXPECT_THAT(refusal(folder_.write("b.txt", "\n \n")), HasSubstr("no usable rows"));
  EXPECT_THAT(refusal(folder_.write("a.jsonl", "{\"text\": \" \"}\n")), HasSubstr("no usable rows"));
}

TEST_F(ReadSource, LooksBareNamesUpAmongTheTasks) {
  folder_.write("t.json", R"({"name": "t", "description": "d", "metric": "exact_match", "rows": {"train": "r.jsonl"},
                              "prompt": "{q}", "completion": " {a}"})");
  folder_.write("r.jsonl", R"({"q": "Q", "a": "A"})");
  const ReadOptions options{.tasks_folder = folder_.path()};
  EXPECT_EQ(read("t", options).examples[0].text(), "Q A");
  EXPECT_EQ(read(folder_.path() / "t.json", options).examples[0].text(), "Q A");
  EXPECT_THAT(refusal("u", options), HasSubstr("'u' is neither a file nor a task. Tasks in"));
  EXPECT_THAT(refusal("u", options), HasSubstr(": t"));
}

// Bare names are looked for in the working directory.
class InFolder {
 public:
  explicit InFolder(const std::filesystem::path& folder) { std::filesystem::current_path(folder); }
  ~InFolder() { std::filesystem::current_path(before_); }
  InFolder(const InFolder&) = delete;
  InFolder& operator=(const InFolder&) = delete;

 private:
  std::filesystem::path before_ = std::filesystem::current_path();
};

TEST_F(ReadSource, TakesATaskBeforeAFolderOrFileOfItsName) {
  const TemporaryFolder tasks;
  for (const char* const name : {"t.json", "f.json"})
    tasks.write(name, R"({"name": "t", "description": "d", "metric": "exact_match", "rows": {"train": "r.jsonl"},
                          "prompt": "{q}", "completion": " {a}"})");
  tasks.write("r.jsonl", R"({"q": "Q", "a": "A"})");
  std::filesystem::create_directory(folder_.path() / "t");
  std::filesystem::create_directory(folder_.path() / "other");
  folder_.write("f", "a file without an extension is read by nobody");
  const InFolder inside(folder_.path());
  const ReadOptions options{.tasks_folder = tasks.path()};
  EXPECT_EQ(read("t", options).examples[0].text(), "Q A");
  EXPECT_EQ(read("f", options).examples[0].text(), "Q A");
  EXPECT_THAT(refusal("./t", options), HasSubstr("./t: is a folder"));
  EXPECT_THAT(refusal("other", options), HasSubstr("other: is a folder; expected"));
}

TEST_F(ReadSource, RefusesATaskWithoutTrainingRows) {
  folder_.write("t.json", R"({"name": "t", "description": "d", "metric": "accuracy", "rows": {"test": "r.jsonl"},
                              "prompt": "{q}", "completion": " {a}"})");
  folder_.write("r.jsonl", R"({"q": "Q", "a": "A"})");
  EXPECT_THAT(refusal("t", {.tasks_folder = folder_.path()}), HasSubstr("no train rows; this task has test"));
}

TEST_F(ReadSource, RefusesOtherFiles) {
  EXPECT_THAT(refusal(folder_.write("a.csv", "x")), HasSubstr("unknown kind of data file"));
  EXPECT_THAT(refusal(folder_.path() / "gone.txt"), HasSubstr("no such file"));
  EXPECT_THAT(refusal(folder_.path()), HasSubstr("is a folder"));
}

TEST_F(ReadSource, HashesWhatTheModelWillRead) {
  const auto path = folder_.write("a.jsonl", R"({"text": "t", "other": 1})");
  const std::string hash = read(path).content_hash;
  EXPECT_EQ(read(folder_.write("b.jsonl", R"({"other": 2, "text": "t"})")).content_hash, hash);
  EXPECT_NE(read(folder_.write("c.jsonl", R"({"text": "u", "other": 1})")).content_hash, hash);
  EXPECT_NE(read(path, {.record_template = "{text}!"}).content_hash, hash);
}

}  // namespace
}  // namespace uncurl::text
