#include "uncurl/model/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_checkpoint.h"
#include "uncurl/base/file.h"

namespace uncurl::model {
namespace {

using test::error_of;
using test::TemporaryFolder;
using test::tiny_config;
using test::tiny_tensors;
using test::TinyModel;
using test::write_checkpoint;
using test::write_tiny_checkpoint;
using testing::AllOf;
using testing::HasSubstr;

/// What open_model says about a checkpoint with these parts.
std::string refusal(const Json& config, const test::TensorMap& tensors) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "model", config, tensors);
  return error_of([&] { open_model(folder / "model"); });
}

class ModelOfFamily : public testing::TestWithParam<std::tuple<const char*, bool>> {};

TEST_P(ModelOfFamily, OpensAndGivesItsExperts) {
  const auto& [family, fused] = GetParam();
  const TemporaryFolder folder;
  const TinyModel tiny{.family = family, .num_experts = 3, .dtype = at::kBFloat16, .fused = fused};
  write_tiny_checkpoint(folder / "model", tiny);
  const Model model = open_model(folder / "model");
  EXPECT_EQ(model.family->model_type, family);
  EXPECT_EQ(model.layout.fused, fused);
  EXPECT_EQ(expert_dtype(model), "BF16");
  const std::vector<Expert> experts = stored_experts(model, 1);
  ASSERT_EQ(experts.size(), 3u);
  TinyModel single = tiny;  // the same numbers under the names of single experts
  single.fused = false;
  const test::TensorMap tensors = tiny_tensors(single);
  const ExpertLayout& names = model.family->layouts[0];
  EXPECT_TRUE(test::identical(experts[2].gate, tensors.at(fill_name(names.gate, 1, 2))));
  EXPECT_TRUE(test::identical(experts[2].up, tensors.at(fill_name(names.up, 1, 2))));
  EXPECT_TRUE(test::identical(experts[2].down, tensors.at(fill_name(names.down, 1, 2))));
}

INSTANTIATE_TEST_SUITE_P(All, ModelOfFamily,
                         testing::Combine(testing::Values("qwen3_moe", "qwen2_moe", "mixtral", "olmoe"),
                                          testing::Bool()),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param)) + (std::get<1>(test.param) ? "_fused" : "");
                         });

TEST(Model, OpensShards) {
  const TemporaryFolder folder;
  write_tiny_checkpoint(folder / "model", {.max_shard_bytes = 8000});
  const Model model = open_model(folder / "model");
  EXPECT_TRUE(model.checkpoint.is_sharded());
  EXPECT_GT(model.checkpoint.files().size(), 2u);
  EXPECT_EQ(stored_experts(model, 0).size(), 4u);
}

TEST(Model, OpensLayersWithDifferentNumbersOfExperts) {
  const TemporaryFolder folder;
  write_tiny_checkpoint(folder / "model", {.num_experts = 4, .config = {{kExpertsPerLayerKey, {4, 3}}}});
  const Model model = open_model(folder / "model");
  EXPECT_EQ(stored_experts(model, 0).size(), 4u);
  EXPECT_EQ(stored_experts(model, 1).size(), 3u);
}

TEST(Model, OpensDenseFirstLayersAndTiedEmbeddings) {
  const TemporaryFolder folder;
  write_tiny_checkpoint(folder / "model", {.config = {{"mlp_only_layers", {0}}, {"tie_word_embeddings", true}}});
  const Model model = open_model(folder / "model");
  EXPECT_TRUE(stored_experts(model, 0).empty());
  EXPECT_EQ(model.checkpoint.find("lm_head.weight"), nullptr);
}

TEST(Model, NamesTheTensorThatIsMissing) {
  test::TensorMap tensors = tiny_tensors({});
  tensors.erase("model.layers.1.self_attn.k_norm.weight");
  EXPECT_THAT(refusal(tiny_config({}), tensors), HasSubstr("model.layers.1.self_attn.k_norm.weight"));
}

TEST(Model, NamesTheExpertThatIsMissing) {
  test::TensorMap tensors = tiny_tensors({});
  tensors.erase("model.layers.1.mlp.experts.3.up_proj.weight");
  EXPECT_THAT(refusal(tiny_config({}), tensors), HasSubstr("model.layers.1.mlp.experts.3.up_proj.weight"));
}

TEST(Model, NamesATensorOfTheWrongShapeItsFileAndTheExpectedShape) {
  test::TensorMap tensors = tiny_tensors({});
  tensors["model.layers.0.mlp.gate.weight"] = at::zeros({3, 16});
  EXPECT_THAT(refusal(tiny_config({}), tensors),
              AllOf(HasSubstr("model.safetensors"), HasSubstr("model.layers.0.mlp.gate.weight"), HasSubstr("[3, 16]"),
                    HasSubstr("[4, 16]")));
}

TEST(Model, RefusesAnExpertBeyondThoseOfTheConfig) {
  test::TensorMap tensors = tiny_tensors({.num_experts = 5});
  const Tensor router = tensors["model.layers.0.mlp.gate.weight"];
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    tensors[fill_name("model.layers.{layer}.mlp.gate.weight", layer)] = router.narrow(0, 0, 4);
  }
  EXPECT_THAT(refusal(tiny_config({.num_experts = 4}), tensors),
              AllOf(HasSubstr("4 experts"), HasSubstr("model.layers.0.mlp.experts.4.down_proj.weight")));
}

TEST(Model, NamesWhatItLookedForWhereThereAreNoExperts) {
  test::TensorMap tensors = tiny_tensors({});
  std::erase_if(tensors, [](const auto& entry) { return entry.first.find(".experts.") != std::string::npos; });
  EXPECT_THAT(refusal(tiny_config({}), tensors),
              AllOf(HasSubstr("no experts of family qwen3_moe"), HasSubstr("model.layers.0.mlp.experts.down_proj"),
                    HasSubstr("model.layers.0.mlp.experts.0.down_proj.weight")));
}

TEST(Model, RefusesWeightsItCannotComputeWith) {
  test::TensorMap tensors = tiny_tensors({});
  tensors["model.norm.weight"] = at::ones({16}, at::kChar);
  EXPECT_THAT(refusal(tiny_config({}), tensors), AllOf(HasSubstr("model.norm.weight"), HasSubstr("I8")));
}

TEST(Model, NamesTheShardThatIsMissing) {
  const TemporaryFolder folder;
  write_tiny_checkpoint(folder / "model", {.max_shard_bytes = 8000});
  const std::filesystem::path shard = open_model(folder / "model").checkpoint.files()[1].path;
  std::filesystem::remove(shard);
  EXPECT_THAT(error_of([&] { open_model(folder / "model"); }), HasSubstr(shard.filename().string()));
}

TEST(Model, NamesTheConfigOfAnUnknownFamily) {
  Json config = tiny_config({});
  config["model_type"] = "llama";
  EXPECT_THAT(refusal(config, tiny_tensors({})), AllOf(HasSubstr("config.json"), HasSubstr("'llama'")));
  config.erase("model_type");
  EXPECT_THAT(refusal(config, tiny_tensors({})), AllOf(HasSubstr("config.json"), HasSubstr("'model_type'")));
}

TEST(Model, NamesTheFolderOrTheFileThatIsMissing) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { open_model(folder / "absent"); }), HasSubstr((folder / "absent").string()));
  EXPECT_THAT(error_of([&] { open_model(folder.path()); }), HasSubstr("config.json: missing"));
}

TEST(Model, RefusesAConfigThatIsNotAnObject) {
  const TemporaryFolder folder;
  write_tiny_checkpoint(folder / "model");
  write_text(folder / "model/config.json", "[1]");
  EXPECT_THAT(error_of([&] { open_model(folder / "model"); }), HasSubstr("config.json"));
}

}  // namespace
}  // namespace uncurl::model
