#include "uncurl/checkpoint/shards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/checkpoint/fixtures.h"

namespace uncurl::checkpoint {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<TensorSpec> tensors_of_sizes(const std::vector<std::int64_t>& sizes) {
  std::vector<TensorSpec> tensors;
  for (const std::int64_t size : sizes)
    tensors.push_back({std::string(1, static_cast<char>('a' + tensors.size())), "U8", {size}});
  return tensors;
}

/// The names in each file, as "ab".
std::vector<std::string> names(const std::vector<Shard>& shards) {
  std::vector<std::string> names;
  for (const Shard& shard : shards) {
    names.emplace_back();
    for (const TensorSpec& tensor : shard.tensors) names.back() += tensor.name;
  }
  return names;
}

TEST(LayOut, PutsEverythingInOneFileWithoutALimit) {
  const std::vector<Shard> shards = lay_out(tensors_of_sizes({6, 6, 2}), {});
  EXPECT_THAT(names(shards), ElementsAre("abc"));
  EXPECT_EQ(shards[0].file_name, "model.safetensors");
  EXPECT_EQ(shards[0].num_bytes, shards[0].header.size() + 14);
}

// The example in the documentation of huggingface_hub.split_state_dict_into_shards_factory.
TEST(LayOut, SplitsAsHuggingFaceDocuments) {
  const std::vector<Shard> shards = lay_out(tensors_of_sizes({6, 6, 2, 6, 2, 2}), {.max_shard_bytes = 10});
  EXPECT_THAT(names(shards), ElementsAre("a", "bc", "def"));
  EXPECT_EQ(shards[0].file_name, "model-00001-of-00003.safetensors");
  EXPECT_EQ(shards[2].file_name, "model-00003-of-00003.safetensors");
}

// huggingface_hub 2.4 gives {'model-00001-of-00002': ['b'], 'model-00002-of-00002': ['a', 'c']} for these sizes.
TEST(LayOut, GivesATensorAboveTheLimitItsOwnFileBeforeTheOpenOne) {
  EXPECT_THAT(names(lay_out(tensors_of_sizes({4, 11, 4}), {.max_shard_bytes = 10})), ElementsAre("b", "ac"));
}

TEST(LayOut, CallsASingleShardByThePlainName) {
  EXPECT_EQ(lay_out(tensors_of_sizes({10}), {.max_shard_bytes = 10})[0].file_name, "model.safetensors");
}

TEST(LayOut, AlignsEveryTensorWhateverTheOrderOfDeclaration) {
  const std::vector<TensorSpec> tensors = {{"byte", "U8", {3}},
                                           {"half", "BF16", {5}},
                                           {"double", "F64", {1}},
                                           {"also_half", "BF16", {1}},
                                           {"float", "F32", {1}}};
  const std::vector<Shard> shards = lay_out(tensors, {});
  std::uint64_t offset = shards[0].header.size();
  std::string order;
  for (const TensorSpec& tensor : shards[0].tensors) {
    order += tensor.name + " ";
    const std::uint64_t size = tensor.name == "double" ? 8 : tensor.name == "float" ? 4 : tensor.name == "byte" ? 1 : 2;
    EXPECT_EQ(offset % size, 0u) << tensor.name;
    offset += size * static_cast<std::uint64_t>(tensor.shape[0]);
  }
  EXPECT_EQ(order, "double float also_half half byte ");
  EXPECT_EQ(offset, shards[0].num_bytes);
}

TEST(LayOut, RefusesWhatCannotBeWritten) {
  EXPECT_THAT(error_of([] { lay_out({}, {}); }), HasSubstr("at least one tensor"));
  EXPECT_THAT(error_of([] { lay_out(tensors_of_sizes({1}), {.max_shard_bytes = 0}); }), HasSubstr("at least 1"));
  // In two files neither header would notice.
  const std::vector<TensorSpec> twice = {{"a", "U8", {8}}, {"a", "U8", {8}}};
  EXPECT_THAT(error_of([&] { lay_out(twice, {.max_shard_bytes = 8}); }), HasSubstr("'a' is declared twice"));
  const std::vector<TensorSpec> unknown = {{"a", "F31", {8}}};
  EXPECT_THAT(error_of([&] { lay_out(unknown, {}); }), HasSubstr("tensor 'a': dtype 'F31'"));
  EXPECT_THAT(error_of([&] { lay_out(unknown, {.max_shard_bytes = 8}); }), HasSubstr("tensor 'a': dtype 'F31'"));
}

// json.dumps({"metadata": ..., "weight_map": ...}, indent=2, sort_keys=True) + "\n", the line of transformers 5.23.
TEST(IndexText, IsWhatTransformersWrites) {
  const std::vector<TensorSpec> tensors = {{"b", "BF16", {2, 3}}, {"\xc3\xa4", "F32", {}}, {"a", "U8", {8}}};
  EXPECT_EQ(index_text(lay_out(tensors, {.max_shard_bytes = 16})), R"({
  "metadata": {
    "total_parameters": 15,
    "total_size": 24
  },
  "weight_map": {
    "a": "model-00002-of-00002.safetensors",
    "b": "model-00001-of-00002.safetensors",
    "\u00e4": "model-00001-of-00002.safetensors"
  }
}
)");
}

}  // namespace
}  // namespace uncurl::checkpoint
