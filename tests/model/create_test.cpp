#include "uncurl/model/create.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_checkpoint.h"
#include "uncurl/base/file.h"
#include "uncurl/model/model.h"

namespace uncurl::model {
namespace {

using test::error_of;
using test::TemporaryFolder;
using test::TensorMap;
using test::TinyModel;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// Of a model of Sarkar et al. 2024: d 1024, ff 4096, 24 layers, 16 heads, context 1024, GPT-2's vocabulary.
std::int64_t parameters_of_the_paper(std::int64_t num_experts) {
  const Json json = {{"model_type", "smoe_gpt2"}, {"vocab_size", 50257},        {"n_positions", 1024},
                     {"hidden_size", 1024},       {"num_hidden_layers", 24},    {"num_attention_heads", 16},
                     {"intermediate_size", 4096}, {"num_experts", num_experts}, {"num_experts_per_tok", 1}};
  const Family& family = find_family("smoe_gpt2");
  return count_parameters(read_config(json, family, "paper"), family);
}

// 354.8M is GPT-2 medium as OpenAI published it. An expert has 2 * 1024 * 4096 weights and 4096 + 1024 biases, a router
// 1024 weights an expert; twelve layers have experts instead of one such MLP.
TEST(CountParameters, GivesTheSizesOfThePaper) {
  constexpr std::int64_t kDense = 354823168, kExpert = 8393728, kRouterRow = 1024;
  EXPECT_EQ(parameters_of_the_paper(0), kDense);
  for (const auto& [experts, billions] :
       {std::pair<std::int64_t, double>{8, 1.060}, {32, 3.478}, {64, 6.701}, {128, 13.148}}) {
    const std::int64_t found = parameters_of_the_paper(experts);
    EXPECT_EQ(found, kDense + 12 * ((experts - 1) * kExpert + experts * kRouterRow));
    EXPECT_NEAR(static_cast<double>(found) / 1e9, billions, 0.0005);
  }
}

class CreateOfFamily : public testing::TestWithParam<const char*> {};

TEST_P(CreateOfFamily, WritesWhatOpens) {
  const TemporaryFolder folder;
  const TinyModel tiny{.family = GetParam()};
  const TensorMap tensors = test::tiny_tensors(tiny);
  const Family& family = find_family(GetParam());
  create_checkpoint(folder / "model", {.config = test::tiny_config(tiny), .layout = family.layouts[0]},
                    [&](const std::string& name) { return tensors.at(name); });
  const Model model = open_model(folder / "model");
  EXPECT_EQ(model.checkpoint.tensors().size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    EXPECT_TRUE(test::identical(stored_tensor(model.checkpoint, name), tensor)) << name;
  }
  EXPECT_EQ(model.checkpoint.num_parameters(), count_parameters(model.config, family));
  EXPECT_EQ(model.config_json.at("dtype"), "float32");
  EXPECT_EQ(model.config_json.contains("auto_map"), std::string(GetParam()) == "smoe_gpt2");
}

INSTANTIATE_TEST_SUITE_P(All, CreateOfFamily,
                         testing::Values("mixtral", "olmoe", "qwen2_moe", "qwen3_moe", "smoe_gpt2"),
                         [](const auto& test) { return std::string(test.param); });

TEST(Create, AddsTheCodeThatTransformersNeedsAndCopiesFiles) {
  const TemporaryFolder folder;
  const TinyModel tiny{.family = "smoe_gpt2"};
  const TensorMap tensors = test::tiny_tensors(tiny);
  write_text(folder / "tokenizer.json", "{}");
  std::filesystem::create_directory(folder / "additional_chat_templates");
  write_text(folder / "additional_chat_templates" / "rag.jinja", "t");
  create_checkpoint(folder / "model",
                    {.config = test::tiny_config(tiny),
                     .layout = find_family("smoe_gpt2").layouts[0],
                     .dtype = at::kBFloat16,
                     .files = tokenizer_files(folder.path())},
                    [&](const std::string& name) { return tensors.at(name); });
  const Json config = read_json(folder / "model" / "config.json");
  EXPECT_EQ(config.at("dtype"), "bfloat16");
  EXPECT_EQ(config.at("architectures"), Json({"SmoeGpt2ForCausalLM"}));
  EXPECT_EQ(config.at("auto_map").at("AutoModelForCausalLM"), "modeling_smoe_gpt2.SmoeGpt2ForCausalLM");
  EXPECT_EQ(read_text(folder / "model" / "tokenizer.json"), "{}");
  EXPECT_EQ(read_text(folder / "model" / "additional_chat_templates" / "rag.jinja"), "t");
  EXPECT_THAT(read_text(folder / "model" / "modeling_smoe_gpt2.py"), HasSubstr("class SmoeGpt2ForCausalLM"));
  EXPECT_EQ(expert_dtype(open_model(folder / "model")), "BF16");
}

TEST(Create, RefusesATensorOfAnotherShapeAndLeavesNothing) {
  const TemporaryFolder folder;
  const auto wrong = [](const std::string&) { return at::zeros({3, 5}); };
  EXPECT_THAT(error_of([&] {
                create_checkpoint(folder / "model",
                                  {.config = test::tiny_config({}), .layout = find_family("qwen3_moe").layouts[0]},
                                  wrong);
              }),
              AllOf(HasSubstr("'model.embed_tokens.weight' is [3, 5]"), HasSubstr("[32, 16]")));
  EXPECT_FALSE(std::filesystem::exists(folder / "model"));
}

TEST(TokenizerFiles, AreThoseOfTheFolderAndNothingElse) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { tokenizer_files(folder.path()); }), HasSubstr("tokenizer.json"));
  for (const char* name : {"vocab.json", "merges.txt", "config.json", "model.safetensors"})
    write_text(folder / name, "x");
  EXPECT_THAT(tokenizer_files(folder.path()), ElementsAre(folder / "merges.txt", folder / "vocab.json"));
  std::filesystem::create_directory(folder / "additional_chat_templates");
  for (const char* name : {"additional_chat_templates/rag.jinja", "chat_template.json", "qwen.tiktoken", "spiece.model",
                           "tokenization_x.py", "modeling_x.py"})
    write_text(folder / name, "x");
  EXPECT_THAT(tokenizer_files(folder.path()),
              ElementsAre(folder / "additional_chat_templates/rag.jinja", folder / "chat_template.json",
                          folder / "merges.txt", folder / "qwen.tiktoken", folder / "spiece.model",
                          folder / "tokenization_x.py", folder / "vocab.json"));
}

}  // namespace
}  // namespace uncurl::model
