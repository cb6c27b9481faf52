#include "uncurl/checkpoint/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/checkpoint/fixtures.h"

namespace uncurl::checkpoint {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string file_of(const std::vector<TensorSpec>& tensors, const std::string& data) {
  return safetensors_header(tensors, {{"format", "pt"}}) + data;
}

std::string complaint(const TemporaryFolder& folder) {
  return error_of([&] { Checkpoint::open(folder.path()); });
}

/// Two shards: "c" and "a" in the first, "b" in the second.
void put_two_shards(const TemporaryFolder& folder) {
  folder.put("model-1.safetensors", file_of({{"c", "U8", {2}}, {"a", "U8", {3}}}, "ccaaa"));
  folder.put("model-2.safetensors", file_of({{"b", "BF16", {1, 2}}}, "bbbb"));
  folder.put(kIndexFileName, R"({"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors",)"
                             R"("c":"model-1.safetensors"}})");
}

TEST(Checkpoint, IsOneMapOverAllShards) {
  const TemporaryFolder folder;
  put_two_shards(folder);
  const Checkpoint checkpoint = Checkpoint::open(folder.path());

  EXPECT_TRUE(checkpoint.is_sharded());
  EXPECT_EQ(checkpoint.files().size(), 2u);
  EXPECT_EQ(checkpoint.files()[1].metadata, Json({{"format", "pt"}}));
  ASSERT_EQ(checkpoint.tensors().size(), 3u);
  EXPECT_EQ(checkpoint.tensors()[0].name, "a");
  EXPECT_EQ(checkpoint.tensors()[1].spec(), (TensorSpec{"b", "BF16", {1, 2}}));
  EXPECT_EQ(as_text(checkpoint.bytes(checkpoint.at("a"))), "aaa");
  EXPECT_EQ(as_text(checkpoint.bytes(checkpoint.at("b"))), "bbbb");
  EXPECT_EQ(as_text(checkpoint.bytes(checkpoint.at("c"))), "cc");
  EXPECT_EQ(checkpoint.total_bytes(), 9u);
  EXPECT_EQ(checkpoint.num_parameters(), 7);  // 2 + 3 + 1*2
}

TEST(Checkpoint, ReadsAPartOfATensor) {
  const TemporaryFolder folder;
  folder.put("model.safetensors", file_of({{"d", "U8", {6}}}, "abcdef"));
  const Checkpoint checkpoint = Checkpoint::open(folder.path());
  std::vector<std::byte> part(3);
  checkpoint.read(checkpoint.at("d"), 2, part);
  EXPECT_EQ(as_text(part), "cde");
}

TEST(Checkpoint, NamesAFileThatWasCutWhileItWasOpen) {
  const TemporaryFolder folder;
  folder.put("model.safetensors", file_of({{"d", "U8", {100'000}}}, std::string(100'000, 'd')));
  const Checkpoint checkpoint = Checkpoint::open(folder.path());
  const TensorInfo& info = checkpoint.at("d");
  std::filesystem::resize_file(folder / "model.safetensors", info.begin + 10);
  EXPECT_THAT(error_of([&] { checkpoint.bytes(info); }),
              AllOf(HasSubstr((folder / "model.safetensors").string()),
                    HasSubstr(concat("has ", info.begin + 10, " bytes now, but had ", info.end, " when"))));
}

TEST(Checkpoint, NamesTheNeighboursOfATensorItDoesNotHave) {
  const TemporaryFolder folder;
  folder.put(
      "model.safetensors",
      file_of({{"layers.0.gate.weight", "U8", {1}}, {"layers.0.up.weight", "U8", {1}}, {"z", "U8", {1}}}, "xyz"));
  const Checkpoint checkpoint = Checkpoint::open(folder.path());
  EXPECT_EQ(checkpoint.find("layers.0.gate"), nullptr);
  EXPECT_THAT(error_of([&] { checkpoint.at("layers.0.gate.bias"); }),
              AllOf(HasSubstr("no tensor 'layers.0.gate.bias'"), HasSubstr("'layers.0.gate.weight'")));
}

TEST(Checkpoint, ReadsATensorThatTheIndexForgot) {
  const TemporaryFolder folder;
  put_two_shards(folder);
  folder.put(kIndexFileName, R"({"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}})");
  EXPECT_NE(Checkpoint::open(folder.path()).find("c"), nullptr);
}

TEST(Checkpoint, RefusesAnIndexThatContradictsTheShards) {
  const TemporaryFolder folder;
  put_two_shards(folder);
  folder.put(kIndexFileName, R"({"weight_map":{"a":"model-2.safetensors","c":"model-1.safetensors"}})");
  EXPECT_THAT(complaint(folder),
              HasSubstr("places tensor 'a' in model-2.safetensors, but it lies in model-1.safetensors"));
  folder.put(kIndexFileName, R"({"weight_map":{"a":"model-1.safetensors","x":"model-2.safetensors"}})");
  EXPECT_THAT(complaint(folder), HasSubstr("places tensor 'x' in model-2.safetensors, but no shard holds it"));
}

TEST(Checkpoint, RefusesATensorInTwoShards) {
  const TemporaryFolder folder;
  put_two_shards(folder);
  folder.put("model-2.safetensors", file_of({{"b", "BF16", {1, 2}}, {"a", "U8", {3}}}, "bbbbAAA"));
  EXPECT_THAT(complaint(folder), HasSubstr("tensor 'a' lies both in"));
}

TEST(Checkpoint, NamesTheDamagedFile) {
  const TemporaryFolder folder;
  put_two_shards(folder);
  folder.put("model-2.safetensors", file_of({{"b", "BF16", {1, 2}}}, "bbb"));
  EXPECT_THAT(complaint(folder), AllOf(HasSubstr("model-2.safetensors: tensor 'b'"), HasSubstr("download complete")));
  folder.put("model-2.safetensors", "");
  EXPECT_THAT(complaint(folder), HasSubstr("model-2.safetensors: is 0 bytes long"));
}

TEST(Fingerprint, IsTheSameForOneFileAndForMany) {
  const TemporaryFolder many, one;
  put_two_shards(many);
  one.put("model.safetensors", file_of({{"b", "BF16", {1, 2}}, {"a", "U8", {3}}, {"c", "U8", {2}}}, "bbbbaaacc"));
  EXPECT_EQ(Checkpoint::open(one.path()).fingerprint(), Checkpoint::open(many.path()).fingerprint());
}

TEST(Fingerprint, ChangesWithNameDtypeShapeAndTheEndsOfTheBytes) {
  const auto fingerprint = [](const TensorSpec& tensor, const std::string& data) {
    const TemporaryFolder folder;
    folder.put("model.safetensors", file_of({tensor}, data));
    return Checkpoint::open(folder.path()).fingerprint();
  };
  const std::string data(20'000, 'x');
  const auto changed_at = [&](std::size_t at) {
    std::string changed = data;
    changed[at] = 'y';
    return changed;
  };
  const std::string original = fingerprint({"a", "U8", {20'000}}, data);
  EXPECT_EQ(fingerprint({"a", "U8", {20'000}}, data), original);
  EXPECT_NE(fingerprint({"b", "U8", {20'000}}, data), original);
  EXPECT_NE(fingerprint({"a", "I8", {20'000}}, data), original);
  EXPECT_NE(fingerprint({"a", "U8", {2, 10'000}}, data), original);
  EXPECT_NE(fingerprint({"a", "U8", {20'000}}, changed_at(4095)), original);
  EXPECT_NE(fingerprint({"a", "U8", {20'000}}, changed_at(20'000 - 4096)), original);
  EXPECT_EQ(fingerprint({"a", "U8", {20'000}}, changed_at(10'000)), original);  // the documented price
}

/// The demo model's sizes as its README tells them: 15.5M parameters of bf16, 4 layers, width 256, 32 experts of width
/// 128.
TEST(Checkpoint, OpensARealModel) {
  const char* const data = std::getenv("UNCURL_DATA");
  const std::filesystem::path root = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
  const std::filesystem::path folder =
      (data != nullptr ? std::filesystem::path(data) : root / ".." / "shared" / "data") / "models" / "tiny-qwen3-moe";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is absent; UNCURL_DATA names the folder of data";

  const Checkpoint checkpoint = Checkpoint::open(folder);
  EXPECT_FALSE(checkpoint.is_sharded());
  EXPECT_NEAR(static_cast<double>(checkpoint.num_parameters()), 15.5e6, 0.05e6);
  EXPECT_EQ(checkpoint.total_bytes(), 2 * static_cast<std::uint64_t>(checkpoint.num_parameters()));
  EXPECT_EQ(checkpoint.at("model.layers.3.mlp.gate.weight").spec(),
            (TensorSpec{"model.layers.3.mlp.gate.weight", "BF16", {32, 256}}));
  EXPECT_EQ(checkpoint.at("model.layers.0.mlp.experts.31.down_proj.weight").shape,
            (std::vector<std::int64_t>{256, 128}));
}

}  // namespace
}  // namespace uncurl::checkpoint
