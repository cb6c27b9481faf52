#include "uncurl/checkpoint/folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/checkpoint/fixtures.h"

namespace uncurl::checkpoint {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string complaint(const fs::path& folder) {
  return error_of([&] { find_weight_files(folder); });
}

std::string index_of(const std::string& weight_map) { return R"({"metadata":{},"weight_map":)" + weight_map + "}"; }

TEST(WeightFiles, IsTheSingleFile) {
  const TemporaryFolder folder;
  folder.put("model.safetensors", "");
  const WeightFiles files = find_weight_files(folder.path());
  EXPECT_THAT(files.names, ElementsAre("model.safetensors"));
  EXPECT_FALSE(files.has_index);
  EXPECT_TRUE(files.weight_map.empty());
}

TEST(WeightFiles, AreTheShardsOfTheIndexAndNoOthers) {
  const TemporaryFolder folder;
  folder.put("model-2.safetensors", "");
  folder.put("model-1.safetensors", "");
  folder.put("consolidated.safetensors", "");
  folder.put(kIndexFileName,
             index_of(R"({"b":"model-2.safetensors","a":"model-1.safetensors","c":"model-2.safetensors"})"));
  const WeightFiles files = find_weight_files(folder.path());
  EXPECT_THAT(files.names, ElementsAre("model-1.safetensors", "model-2.safetensors"));
  EXPECT_TRUE(files.has_index);
  EXPECT_EQ(files.weight_map.at("c"), "model-2.safetensors");
}

TEST(WeightFiles, AcceptsAnIndexOfTheSingleFile) {
  const TemporaryFolder folder;
  folder.put("model.safetensors", "");
  folder.put(kIndexFileName, index_of(R"({"a":"model.safetensors"})"));
  EXPECT_TRUE(find_weight_files(folder.path()).has_index);
}

TEST(WeightFiles, RefusesASingleFileBesideShards) {
  const TemporaryFolder folder;
  folder.put("model.safetensors", "");
  folder.put("model-1.safetensors", "");
  folder.put(kIndexFileName, index_of(R"({"a":"model-1.safetensors"})"));
  EXPECT_THAT(complaint(folder.path()), HasSubstr("left from an earlier save"));
}

TEST(WeightFiles, NamesTheMissingShard) {
  const TemporaryFolder folder;
  folder.put("model-1.safetensors", "");
  folder.put(kIndexFileName, index_of(R"({"a":"model-1.safetensors","b":"model-2.safetensors"})"));
  EXPECT_THAT(complaint(folder.path()), HasSubstr("shard 'model-2.safetensors' is missing"));
}

TEST(WeightFiles, SaysWhereABrokenLinkLeads) {
  const TemporaryFolder folder;
  fs::create_symlink("../blobs/gone", folder / "model-1.safetensors");
  folder.put(kIndexFileName, index_of(R"({"a":"model-1.safetensors"})"));
  EXPECT_THAT(complaint(folder.path()),
              HasSubstr("model-1.safetensors: is a link to ../blobs/gone, which does not exist"));
}

TEST(WeightFiles, RefusesShardsOutsideTheFolder) {
  const TemporaryFolder folder;
  for (const char* const name : {"../model.safetensors", "/etc/passwd", "sub/model.safetensors", "..", ""}) {
    folder.put(kIndexFileName, index_of(concat(R"({"a":")", name, "\"}")));
    EXPECT_THAT(complaint(folder.path()), HasSubstr("should be a file in the same folder")) << name;
  }
}

TEST(WeightFiles, RefusesAShardNameThatTheSystemWouldCut) {
  const TemporaryFolder folder;
  folder.put("model.safetensors", "");
  folder.put(kIndexFileName, index_of(R"({"a":"model.safetensors\u0000x"})"));
  EXPECT_THAT(complaint(folder.path()), HasSubstr("should be a file in the same folder"));
}

TEST(WeightFiles, RefusesAnIndexThatIsNone) {
  const TemporaryFolder folder;
  for (const char* const text : {"[]", "{}", R"({"weight_map":[]})"}) {
    folder.put(kIndexFileName, text);
    EXPECT_THAT(complaint(folder.path()), HasSubstr("expected an object with a 'weight_map'")) << text;
  }
  folder.put(kIndexFileName, "");
  EXPECT_THAT(complaint(folder.path()), HasSubstr("not valid JSON"));
  folder.put(kIndexFileName, index_of("{}"));
  EXPECT_THAT(complaint(folder.path()), HasSubstr("'weight_map' is empty"));
  folder.put(kIndexFileName, index_of(R"({"a":1})"));
  EXPECT_THAT(complaint(folder.path()), HasSubstr("weight_map 'a' should be a file name"));
  folder.put(kIndexFileName, index_of(R"({"a":"x.safetensors","a":"y.safetensors"})"));
  EXPECT_THAT(complaint(folder.path()), HasSubstr("appears twice"));
}

TEST(WeightFiles, SaysWhenThereIsNoFolder) {
  const TemporaryFolder folder;
  EXPECT_THAT(complaint(folder / "none"), HasSubstr("no such folder"));
  folder.put("model.safetensors", "");
  EXPECT_THAT(complaint(folder / "model.safetensors"), HasSubstr("is a file"));
  folder.put("m.gguf", "");
  EXPECT_THAT(complaint(folder / "m.gguf"), HasSubstr("this GGUF was converted from"));
}

TEST(WeightFiles, SaysWhatToDoWithOtherFormats) {
  const TemporaryFolder folder;
  EXPECT_THAT(complaint(folder.path()), HasSubstr("is this the folder of a model"));
  folder.put("m.gguf", "");
  EXPECT_THAT(complaint(folder.path()), HasSubstr("but GGUF"));
  folder.put("pytorch_model.bin", "");
  EXPECT_THAT(complaint(folder.path()), AllOf(HasSubstr("but PyTorch weights"), HasSubstr("save_pretrained")));
  folder.put("model-00001-of-00002.safetensors", "");
  EXPECT_THAT(complaint(folder.path()), HasSubstr("the index that belongs to the shards"));
}

TEST(OtherFiles, AreWhatACopyNeedsWithoutWeightsFoldersAndHiddenNames) {
  const TemporaryFolder folder;
  for (const char* const name :
       {"config.json", "tokenizer.json", "tokenizer.model", "chat_template.jinja", "modeling_x.py", "LICENSE",
        "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
        "consolidated.00.pth", "m.gguf", ".gitattributes"}) {
    folder.put(name, "x");
  }
  fs::create_directory(folder / "original");
  fs::create_symlink("LICENSE", folder / "NOTICE");
  fs::create_symlink("gone", folder / "broken.json");

  const auto names = [](const std::vector<fs::path>& paths) {
    std::vector<std::string> result;
    for (const fs::path& path : paths) result.push_back(path.filename().string());
    return result;
  };
  const OtherFiles files = find_other_files(folder.path());
  EXPECT_THAT(names(files.carried), ElementsAre("LICENSE", "NOTICE", "chat_template.jinja", "config.json",
                                                "modeling_x.py", "tokenizer.json", "tokenizer.model"));
  fs::create_directory(folder / kTemplatesFolder);
  for (const char* const name : {"tool_use.jinja", "rag.jinja"})
    folder.put(std::string(kTemplatesFolder) + "/" + name, "x");
  std::vector<std::string> in_copy;
  for (const fs::path& path : find_other_files(folder.path()).carried) in_copy.push_back(name_in_copy(path).string());
  EXPECT_THAT(in_copy, testing::IsSupersetOf({"additional_chat_templates/rag.jinja",
                                              "additional_chat_templates/tool_use.jinja", "chat_template.jinja"}));
  EXPECT_THAT(names(files.skipped), ElementsAre(".gitattributes", "broken.json", "consolidated.00.pth", "m.gguf",
                                                "model.safetensors", "model.safetensors.index.json", "original",
                                                "pytorch_model.bin", "pytorch_model.bin.index.json"));
}

}  // namespace
}  // namespace uncurl::checkpoint
