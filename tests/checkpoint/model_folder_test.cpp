#include "uncurl/checkpoint/model_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/checkpoint/fixtures.h"

namespace uncurl::checkpoint {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

std::string complaint(const fs::path& folder) {
  return error_of([&] { check_is_model_folder(folder); });
}

TEST(ModelFolder, HoldsAConfig) {
  const TemporaryFolder folder;
  EXPECT_THAT(complaint(folder.path()),
              AllOf(HasSubstr("config.json: missing"), HasSubstr("is the download complete")));
  folder.put("config.json", "{}");
  EXPECT_EQ(complaint(folder.path()), "");
}

TEST(ModelFolder, IsNotAHubIdThatWasNotDownloaded) {
  EXPECT_THAT(complaint("Qwen/Qwen3-30B-A3B"), AllOf(HasSubstr("no such folder"), HasSubstr("download it first"),
                                                     HasSubstr("hf download Qwen/Qwen3-30B-A3B")));
  for (const char* const path : {"nowhere", "./a/b", "/a/b", "a/b/c", "a/", "a b/c"}) {
    EXPECT_THAT(complaint(path), AllOf(HasSubstr("no such folder"), testing::Not(HasSubstr("download")))) << path;
  }
}

TEST(ModelFolder, IsNotAFileInIt) {
  const TemporaryFolder folder;
  folder.put("model.safetensors", "");
  EXPECT_THAT(complaint(folder / "model.safetensors"),
              HasSubstr("is a file; expected a Hugging Face checkpoint folder"));
  EXPECT_THAT(complaint(folder / "model.safetensors/x"), HasSubstr("no such folder"));
}

TEST(ModelFolder, IsNotALoraAdapter) {
  const TemporaryFolder folder;
  folder.put("adapter_config.json", "{}");
  EXPECT_THAT(complaint(folder.path()), AllOf(HasSubstr("LoRA adapter"), HasSubstr("merge_and_unload")));
}

TEST(ModelFolder, OfAHubCacheEntryIsTheSnapshotThatMainNames) {
  const TemporaryFolder folder;
  for (const char* const commit : {"aaa", "bbb"}) {
    fs::create_directories(folder / "snapshots" / commit);
    folder.put(concat("snapshots/", commit, "/config.json"), "{}");
  }
  EXPECT_THAT(complaint(folder.path()), HasSubstr((folder / "snapshots/aaa").string()));
  fs::create_directories(folder / "refs");
  folder.put("refs/main", "bbb");
  EXPECT_THAT(complaint(folder.path()), HasSubstr((folder / "snapshots/bbb").string()));
  folder.put("refs/main", "../../../etc");
  EXPECT_THAT(complaint(folder.path()), HasSubstr((folder / "snapshots/aaa").string()));
}

TEST(ModelFolder, MayLieOneFolderDeeper) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "checkpoint-500");
  folder.put("checkpoint-500/config.json", "{}");
  EXPECT_THAT(complaint(folder.path()), HasSubstr("there is one in " + (folder / "checkpoint-500").string()));
}

TEST(ModelFolder, IsNotOfAnotherFormat) {
  const TemporaryFolder folder;
  folder.put("params.json", "{}");
  EXPECT_THAT(complaint(folder.path()), HasSubstr("the vendor's own format"));
  folder.put("model_index.json", "{}");
  EXPECT_THAT(complaint(folder.path()), HasSubstr("diffusers"));
}

}  // namespace
}  // namespace uncurl::checkpoint
