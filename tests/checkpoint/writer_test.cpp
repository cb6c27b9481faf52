#include "uncurl/checkpoint/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "tests/checkpoint/fixtures.h"
#include "uncurl/checkpoint/checkpoint.h"

namespace uncurl::checkpoint {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

const std::vector<TensorSpec> kTensors = {{"embed", "F32", {4, 2}},
                                          {"gate", "BF16", {3}},
                                          {"scale", "F8_E4M3", {5}},
                                          {"packed", "F4", {2, 3}},
                                          {"none", "I64", {0}}};

std::string bytes_of(const std::string& name) {
  static const std::map<std::string, std::string> bytes = {
      {"embed", std::string(32, 'e')}, {"gate", "ggGGgg"}, {"scale", "sssss"}, {"packed", "ppp"}, {"none", ""}};
  return bytes.at(name);
}

void write_all(CheckpointWriter& writer) {
  for (const TensorSpec& tensor : kTensors) writer.write(tensor.name, as_bytes(bytes_of(tensor.name)));
}

std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : fs::directory_iterator(folder)) contents[entry.path().filename()] = content(entry.path());
  return contents;
}

void expect_holds_all(const fs::path& folder) {
  const Checkpoint checkpoint = Checkpoint::open(folder);
  ASSERT_EQ(checkpoint.tensors().size(), kTensors.size());
  for (const TensorSpec& tensor : kTensors) {
    EXPECT_EQ(checkpoint.at(tensor.name).spec(), tensor);
    EXPECT_EQ(as_text(checkpoint.bytes(checkpoint.at(tensor.name))), bytes_of(tensor.name));
  }
}

TEST(CheckpointWriter, WritesWhatACheckpointReads) {
  const TemporaryFolder folder;
  CheckpointWriter writer(folder / "out", kTensors, {});
  write_all(writer);
  writer.finish();
  EXPECT_EQ(contents(folder / "out").size(), 1u);
  EXPECT_EQ(fs::file_size(folder / "out" / "model.safetensors"), writer.num_bytes());
  expect_holds_all(folder / "out");
}

/// While it lives this process may not have more files open.
class OpenFilesLimit {
 public:
  explicit OpenFilesLimit(rlim_t files) {
    getrlimit(RLIMIT_NOFILE, &old_limit_);
    const rlimit limit{files, old_limit_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  ~OpenFilesLimit() { setrlimit(RLIMIT_NOFILE, &old_limit_); }
  OpenFilesLimit(const OpenFilesLimit&) = delete;
  OpenFilesLimit& operator=(const OpenFilesLimit&) = delete;

 private:
  rlimit old_limit_{};
};

TEST(CheckpointWriter, WritesMoreShardsThanAProcessMayHaveOpen) {
  const TemporaryFolder folder;
  std::vector<TensorSpec> tensors;
  for (int t = 0; t < 400; ++t) tensors.push_back({concat("t", t), "U8", {6}});
  {
    const OpenFilesLimit limit(64);
    CheckpointWriter writer(folder / "out", tensors, {.max_shard_bytes = 12});
    for (const int parity : {0, 1}) {  // every shard is begun before the first is complete
      for (int t = parity; t < 400; t += 2) writer.write(tensors[t].name, as_bytes(std::string(6, 'a')));
    }
    writer.finish();
    EXPECT_THAT(error_of([&] { Checkpoint::open(folder / "out"); }), HasSubstr("too many files open"));
  }
  const Checkpoint checkpoint = Checkpoint::open(folder / "out");
  EXPECT_EQ(checkpoint.files().size(), 200u);
  EXPECT_EQ(as_text(checkpoint.bytes(checkpoint.at("t399"))), "aaaaaa");
}

TEST(CheckpointWriter, WritesShardsWithAnIndex) {
  const TemporaryFolder folder;
  CheckpointWriter writer(folder / "out", kTensors, {.max_shard_bytes = 11});
  write_all(writer);
  writer.finish();
  EXPECT_EQ(contents(folder / "out").size(), 4u);  // embed; gate and scale; packed and none; the index
  expect_holds_all(folder / "out");
}

TEST(CheckpointWriter, GivesTheSameFilesForAnyOrderOfWrites) {
  const TemporaryFolder folder;
  {
    CheckpointWriter writer(folder / "forward", kTensors, {.max_shard_bytes = 11});
    write_all(writer);
    writer.finish();
  }
  {
    CheckpointWriter writer(folder / "backward", kTensors, {.max_shard_bytes = 11});
    for (auto tensor = kTensors.rbegin(); tensor != kTensors.rend(); ++tensor) {
      writer.write(tensor->name, as_bytes(bytes_of(tensor->name)));
    }
    writer.finish();
  }
  EXPECT_EQ(contents(folder / "forward"), contents(folder / "backward"));
}

TEST(CheckpointWriter, TakesTensorsFromSeveralThreads) {
  const TemporaryFolder folder;
  std::vector<TensorSpec> tensors;
  for (int i = 0; i < 400; ++i) tensors.push_back({concat("t", i), "U8", {i}});
  const auto data = [](int i) { return std::string(static_cast<std::size_t>(i), static_cast<char>('a' + i % 26)); };

  CheckpointWriter writer(folder / "out", tensors, {.max_shard_bytes = 5000});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = thread; i < 400; i += 4) writer.write(concat("t", i), as_bytes(data(i)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  writer.finish();

  const Checkpoint checkpoint = Checkpoint::open(folder / "out");
  for (int i = 0; i < 400; ++i) EXPECT_EQ(as_text(checkpoint.bytes(checkpoint.at(concat("t", i)))), data(i));
}

TEST(CheckpointWriter, AcceptsATensorFromOneOfTwoThreadsOnly) {
  const TemporaryFolder folder;
  CheckpointWriter writer(folder / "out", kTensors, {});
  std::atomic<int> num_refused = 0;
  const auto write = [&] {
    for (const TensorSpec& tensor : kTensors) {
      num_refused += !error_of([&] { writer.write(tensor.name, as_bytes(bytes_of(tensor.name))); }).empty();
    }
  };
  std::thread first(write), second(write);
  first.join();
  second.join();
  EXPECT_EQ(num_refused, static_cast<int>(kTensors.size()));
}

TEST(CheckpointWriter, RefusesWhatWasNotDeclaredSo) {
  const TemporaryFolder folder;
  CheckpointWriter writer(folder / "out", kTensors, {});
  const auto complaint = [&](const std::string& name, const std::string& bytes) {
    return error_of([&] { writer.write(name, as_bytes(bytes)); });
  };
  EXPECT_THAT(complaint("other", ""), HasSubstr("tensor 'other' was not declared"));
  EXPECT_THAT(complaint("gate", "gg"), HasSubstr("tensor 'gate' has 2 bytes, but was declared with 6"));
  EXPECT_EQ(complaint("gate", "ggGGgg"), "");
  EXPECT_THAT(complaint("gate", "ggGGgg"), HasSubstr("tensor 'gate' is written twice"));
}

TEST(CheckpointWriter, DoesNotFinishWithoutAllTensors) {
  const TemporaryFolder folder;
  {
    CheckpointWriter writer(folder / "out", kTensors, {});
    writer.write("gate", as_bytes("ggGGgg"));
    EXPECT_THAT(error_of([&] { writer.finish(); }),
                AllOf(HasSubstr("4 of 5 tensors"), HasSubstr("'embed'"), HasSubstr("'none'")));
  }
  EXPECT_FALSE(fs::exists(folder / "out"));
}

TEST(CheckpointWriter, LeavesNothingBehindUnlessFinished) {
  const TemporaryFolder folder;
  {
    CheckpointWriter writer(folder / "out", kTensors, {.max_shard_bytes = 11});
    write_all(writer);
    std::ofstream(folder / "out" / "config.json") << "{}";  // what the caller put beside it goes too
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(CheckpointWriter, DiscardsOnDemandAndTakesNothingAfterwards) {
  const TemporaryFolder folder;
  CheckpointWriter writer(folder / "out", kTensors, {});
  writer.discard();
  EXPECT_FALSE(fs::exists(folder / "out"));
  EXPECT_THAT(error_of([&] { writer.write("gate", as_bytes("ggGGgg")); }), HasSubstr("after finish() or discard()"));
  EXPECT_THAT(error_of([&] { writer.finish(); }), HasSubstr("after finish() or discard()"));
}

TEST(CheckpointWriter, NeverTouchesAFolderThatIsInUse) {
  const TemporaryFolder folder;
  folder.put("config.json", "{}");
  EXPECT_THAT(error_of([&] { CheckpointWriter(folder.path(), kTensors, {}); }), HasSubstr("exists and is not empty"));
  EXPECT_EQ(content(folder / "config.json"), "{}");
  EXPECT_THAT(error_of([&] { CheckpointWriter(folder / "config.json", kTensors, {}); }),
              HasSubstr("cannot be created"));
  EXPECT_EQ(content(folder / "config.json"), "{}");
}

TEST(CheckpointWriter, SaysBeforeTheWorkThatTheDiskIsTooSmall) {
  const TemporaryFolder folder;
  const std::vector<TensorSpec> huge = {{"huge", "U8", {std::int64_t{1} << 50}}};  // 1125.9 TB
  EXPECT_THAT(error_of([&] { CheckpointWriter(folder / "out", huge, {}); }),
              AllOf(HasSubstr("needs 1125899.907 GB"), HasSubstr("free")));
  EXPECT_FALSE(fs::exists(folder / "out"));
}

}  // namespace
}  // namespace uncurl::checkpoint
