#include "uncurl/model/fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_checkpoint.h"

namespace uncurl::model {
namespace {

using test::error_of;
using test::TemporaryFolder;
using test::tiny_config;
using test::tiny_tensors;
using test::TinyModel;
using test::write_checkpoint;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

/// A checkpoint of `tiny` with one tensor more.
struct WithTensor {
  TemporaryFolder folder;
  explicit WithTensor(const std::string& name, const TinyModel& tiny = {}) {
    test::TensorMap tensors = tiny_tensors(tiny);
    tensors[name] = at::ones({4});
    write_checkpoint(folder / "model", tiny_config(tiny), tensors);
  }
  Model open(Purpose purpose = Purpose::kRun) const { return open_model(folder / "model", purpose); }
};

class UnreadTensor : public testing::TestWithParam<std::tuple<const char*, const char*, const char*>> {};

TEST_P(UnreadTensor, IsRefusedByNameWithTheWayOut) {
  const auto& [family, name, advice] = GetParam();
  const WithTensor checkpoint(name, {.family = family});
  EXPECT_THAT(error_of([&] { checkpoint.open(); }),
              AllOf(HasSubstr("model: "), HasSubstr(concat("'", name, "'")), HasSubstr(advice)));
  EXPECT_THAT(checkpoint.open(Purpose::kInspect).notes, testing::ElementsAre(HasSubstr(name)));
}

INSTANTIATE_TEST_SUITE_P(
    All, UnreadTensor,
    testing::Values(
        std::tuple("qwen3_moe", "model.layers.0.mlp.experts.1.down_proj.weight_scale_inv", "expand"),  // FP8
        std::tuple("qwen3_moe", "model.layers.0.self_attn.q_proj.input_scale", "expand"),
        std::tuple("mixtral", "model.layers.1.block_sparse_moe.experts.2.w1.bias", "architecture"),
        std::tuple("mixtral", "model.layers.0.self_attn.q_proj.bias", "architecture"),  // Phi-3.5-MoE
        std::tuple("qwen3_moe", "model.layers.0.mlp.gate.e_score_correction_bias", "architecture"),
        std::tuple("qwen3_moe", "model.layers.0.mlp.experts.gate_up_proj", "architecture"),  // a second layout
        std::tuple("qwen3_moe", "model.layers.2.mlp.experts.0.down_proj.weight", "layer 2 lies beyond"),
        std::tuple("qwen3_moe", "model.layers.2.eh_proj.weight", "layer 2 lies beyond"),  // DeepSeek's MTP
        std::tuple("qwen3_moe", "mtp.layers.0.mlp.experts.0.down_proj.weight", "architecture"),
        std::tuple("qwen3_moe", "lm_head.bias", "architecture"),
        std::tuple("qwen3_moe", "model.norm.bias", "architecture"),
        std::tuple("smoe_gpt2", "transformer.h.0.attn.masked_bias", "architecture")));

class HarmlessTensor : public testing::TestWithParam<const char*> {};

TEST_P(HarmlessTensor, IsLeftAlone) { EXPECT_THAT(WithTensor(GetParam()).open().notes, IsEmpty()); }

INSTANTIATE_TEST_SUITE_P(All, HarmlessTensor,
                         testing::Values("model.layers.0.self_attn.rotary_emb.inv_freq", "model.rotary_emb.inv_freq",
                                         "vision_tower.blocks.0.attn.qkv.bias", "value_head.weight"));

TEST(Fit, CountsUnreadTensorsAndNamesTheFirst) {
  const TemporaryFolder folder;
  test::TensorMap tensors = tiny_tensors({});
  for (const char* const end : {"q", "k", "v", "o"}) {
    tensors[concat("model.layers.1.self_attn.", end, "_proj.bias")] = at::ones({16});
  }
  write_checkpoint(folder / "model", tiny_config({}), tensors);
  EXPECT_THAT(error_of([&] { open_model(folder / "model"); }),
              AllOf(HasSubstr("4 of the stored tensors"), HasSubstr("k_proj.bias"), HasSubstr("and 1 more")));
}

// ---- Tied heads: what is expected here is what transformers 5 does, which tests/parity/test_tied_heads.py shows.

test::TensorMap with_head(const Tensor& head) {
  test::TensorMap tensors = tiny_tensors({});
  tensors["lm_head.weight"] = head;
  return tensors;
}

const Tensor& embeddings_of(const test::TensorMap& tensors) { return tensors.at("model.embed_tokens.weight"); }

TEST(Fit, AStoredHeadWithOtherValuesIsNotTied) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "model", tiny_config({.config = {{"tie_word_embeddings", true}}}), tiny_tensors({}));
  const Model model = open_model(folder / "model");
  EXPECT_FALSE(model.config.tied_embeddings);
  EXPECT_THAT(model.notes,
              testing::ElementsAre(AllOf(HasSubstr("tie_word_embeddings"), HasSubstr("'lm_head.weight'"))));
}

TEST(Fit, AStoredCopyOfTheEmbeddingsIsTied) {
  const TemporaryFolder folder;
  const Tensor embeddings = embeddings_of(tiny_tensors({}));
  const Json config = tiny_config({.config = {{"tie_word_embeddings", true}}});
  write_checkpoint(folder / "same", config, with_head(embeddings));
  EXPECT_TRUE(open_model(folder / "same").config.tied_embeddings);
  EXPECT_THAT(open_model(folder / "same").notes, IsEmpty());
  test::TensorMap rounded = with_head(embeddings.to(at::kBFloat16));
  rounded["model.embed_tokens.weight"] = embeddings.to(at::kBFloat16).to(at::kFloat);
  write_checkpoint(folder / "rounded", config, rounded);
  EXPECT_TRUE(open_model(folder / "rounded").config.tied_embeddings);
}

TEST(Fit, RefusesAHeadThatIsNeitherStoredNorTied) {
  const TemporaryFolder folder;
  test::TensorMap tensors = tiny_tensors({});
  tensors.erase("lm_head.weight");
  write_checkpoint(folder / "model", tiny_config({}), tensors);
  EXPECT_THAT(error_of([&] { open_model(folder / "model"); }),
              AllOf(HasSubstr("'lm_head.weight'"), HasSubstr("tie_word_embeddings")));
}

TEST(Fit, RefusesATiedHeadWithoutEmbeddings) {
  const TemporaryFolder folder;
  test::TensorMap tensors = tiny_tensors({});
  tensors.erase("model.embed_tokens.weight");
  write_checkpoint(folder / "model", tiny_config({.config = {{"tie_word_embeddings", true}}}), tensors);
  EXPECT_THAT(error_of([&] { open_model(folder / "model"); }),
              AllOf(HasSubstr("'model.embed_tokens.weight'"), HasSubstr("tie_word_embeddings")));
}

// ---- Names that are not the expected ones.

/// What open_model says of a checkpoint whose tensors are called otherwise.
std::string refusal_of_names(const std::function<std::string(const std::string&)>& rename) {
  const TemporaryFolder folder;
  test::TensorMap tensors;
  for (const auto& [name, tensor] : tiny_tensors({})) tensors[rename(name)] = tensor;
  write_checkpoint(folder / "model", tiny_config({}), tensors);
  return error_of([&] { open_model(folder / "model"); });
}

TEST(Fit, NamesThePrefixOfAWrappedModel) {
  EXPECT_THAT(refusal_of_names([](const std::string& name) { return "_orig_mod." + name; }),
              AllOf(HasSubstr("'_orig_mod.model.layers.0.mlp.gate.weight'"), HasSubstr("begin with '_orig_mod.'"),
                    HasSubstr("take the prefix away")));
}

TEST(Fit, SaysThatNamesLackTheirBeginning) {
  const auto without_model = [](const std::string& name) {
    return name.starts_with("model.") ? name.substr(6) : "unused." + name;
  };
  EXPECT_THAT(refusal_of_names(without_model),
              AllOf(HasSubstr("lack 'model.'"), HasSubstr("Save it from AutoModelForCausalLM")));
}

TEST(Fit, KnowsTheLayoutOfMlx) {
  const auto mlx = [](const std::string& name) {
    const std::size_t experts = name.find(".experts.");
    return experts == std::string::npos ? name : name.substr(0, experts) + ".switch_mlp." + name.substr(experts + 9);
  };
  EXPECT_THAT(refusal_of_names(mlx), AllOf(HasSubstr("switch_mlp"), HasSubstr("mlx-lm")));
}

TEST(Fit, NamesWhatTheLayerHoldsInstead) {
  const auto renamed = [](const std::string& name) {
    const std::size_t experts = name.find(".experts.");
    return experts == std::string::npos ? name : name.substr(0, experts) + ".parts." + name.substr(experts + 9);
  };
  EXPECT_THAT(refusal_of_names(renamed), AllOf(HasSubstr("'model.layers.0.mlp.gate.weight'"),
                                               HasSubstr("model.layers.0.mlp.parts.0"), HasSubstr("model_type")));
}

}  // namespace
}  // namespace uncurl::model
