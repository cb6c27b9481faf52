#include "uncurl/model/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/support/tiny_checkpoint.h"
#include "uncurl/base/error.h"

namespace uncurl::model {
namespace {

using test::tiny_config;
using test::TinyModel;
using testing::ElementsAre;

using Shape = std::vector<std::int64_t>;

/// What for_each_tensor visits in one layer.
std::map<std::string, Shape> shapes_of(const TinyModel& tiny, std::int64_t layer) {
  const Family& family = find_family(tiny.family);
  std::map<std::string, Shape> shapes;
  LayerWeights unused;
  for_each_tensor(
      unused, read_config(tiny_config(tiny), family, "tiny"), family, family.layouts[0], layer,
      [&](Tensor&, const std::string& name, const Shape& shape) { EXPECT_TRUE(shapes.emplace(name, shape).second); });
  return shapes;
}

std::set<std::string> names_of(const std::map<std::string, Shape>& shapes) {
  std::set<std::string> names;
  for (const auto& [name, shape] : shapes) names.insert(name.substr(std::string("model.layers.0.").size()));
  return names;
}

// Names as in the weight maps of the families' published checkpoints.

TEST(Weights, OfQwen3MoeAreThoseOfItsCheckpoints) {
  const std::set<std::string> expected = {
      "input_layernorm.weight",  "self_attn.q_proj.weight",         "self_attn.k_proj.weight",
      "self_attn.v_proj.weight", "self_attn.o_proj.weight",         "self_attn.q_norm.weight",
      "self_attn.k_norm.weight", "post_attention_layernorm.weight", "mlp.gate.weight"};
  EXPECT_EQ(names_of(shapes_of({}, 0)), expected);
}

TEST(Weights, OfQwen2MoeHaveBiasesAndASharedExpert) {
  const std::set<std::string> expected = {"input_layernorm.weight",
                                          "self_attn.q_proj.weight",
                                          "self_attn.q_proj.bias",
                                          "self_attn.k_proj.weight",
                                          "self_attn.k_proj.bias",
                                          "self_attn.v_proj.weight",
                                          "self_attn.v_proj.bias",
                                          "self_attn.o_proj.weight",
                                          "post_attention_layernorm.weight",
                                          "mlp.gate.weight",
                                          "mlp.shared_expert.gate_proj.weight",
                                          "mlp.shared_expert.up_proj.weight",
                                          "mlp.shared_expert.down_proj.weight",
                                          "mlp.shared_expert_gate.weight"};
  EXPECT_EQ(names_of(shapes_of({.family = "qwen2_moe"}, 0)), expected);
}

TEST(Weights, OfADenseLayerAreAnMlpWithoutRouter) {
  const auto shapes = shapes_of({.hidden_size = 16, .expert_width = 8, .config = {{"mlp_only_layers", {0}}}}, 0);
  EXPECT_EQ(shapes.count("model.layers.0.mlp.gate.weight"), 0u);
  EXPECT_EQ(shapes.at("model.layers.0.mlp.down_proj.weight"), (Shape{16, 16}));  // intermediate_size is 2 * 8
}

TEST(Weights, HaveShapesThatFollowFromTheSizes) {  // 4 heads of 6, 2 for keys; D = 16, E = 5
  const auto shapes = shapes_of({.num_experts = 5, .hidden_size = 16, .config = {{"head_dim", 6}}}, 1);
  EXPECT_EQ(shapes.at("model.layers.1.self_attn.q_proj.weight"), (Shape{24, 16}));
  EXPECT_EQ(shapes.at("model.layers.1.self_attn.k_proj.weight"), (Shape{12, 16}));
  EXPECT_EQ(shapes.at("model.layers.1.self_attn.o_proj.weight"), (Shape{16, 24}));
  EXPECT_EQ(shapes.at("model.layers.1.self_attn.q_norm.weight"), (Shape{6}));
  EXPECT_EQ(shapes.at("model.layers.1.mlp.gate.weight"), (Shape{5, 16}));
}

TEST(Weights, OlmoeNormsWholeProjections) {
  const auto shapes = shapes_of({.family = "olmoe", .hidden_size = 16}, 0);  // heads of 4: 4 for q, 2 for k
  EXPECT_EQ(shapes.at("model.layers.0.self_attn.q_norm.weight"), (Shape{16}));
  EXPECT_EQ(shapes.at("model.layers.0.self_attn.k_norm.weight"), (Shape{8}));
}

TEST(Weights, OfMixtralExpertsAreW1W3W2) {
  const Family& family = find_family("mixtral");
  const ModelConfig config = read_config(tiny_config({.family = "mixtral"}), family, "tiny");
  const std::vector<ExpertTensor> tensors = expert_tensors(config, family.layouts[0], 1, 2);
  ASSERT_EQ(tensors.size(), 6u);
  EXPECT_EQ(tensors[3].name, "model.layers.1.block_sparse_moe.experts.1.w1.weight");
  EXPECT_EQ(tensors[4].name, "model.layers.1.block_sparse_moe.experts.1.w3.weight");
  EXPECT_EQ(tensors[5].name, "model.layers.1.block_sparse_moe.experts.1.w2.weight");
  EXPECT_THAT(tensors[5].shape, ElementsAre(16, 8));
}

TEST(Weights, OfSmoeGpt2HaveBiasesEverywhereButInTheRouter) {
  const std::set<std::string> names = {"ln_1.weight",        "ln_1.bias",          "attn.q_proj.weight",
                                       "attn.q_proj.bias",   "attn.k_proj.weight", "attn.k_proj.bias",
                                       "attn.v_proj.weight", "attn.v_proj.bias",   "attn.o_proj.weight",
                                       "attn.o_proj.bias",   "ln_2.weight",        "ln_2.bias"};
  std::set<std::string> moe, dense;
  for (const std::string& name : names) {
    moe.insert("transformer.h.0." + name);
    dense.insert("transformer.h.1." + name);
  }
  moe.insert("transformer.h.0.mlp.router.weight");
  for (const char* name : {"up_proj.weight", "up_proj.bias", "down_proj.weight", "down_proj.bias"}) {
    dense.insert(concat("transformer.h.1.mlp.", name));
  }
  const auto names_only = [](const std::map<std::string, Shape>& shapes) {
    std::set<std::string> result;
    for (const auto& [name, shape] : shapes) result.insert(name);
    return result;
  };
  EXPECT_EQ(names_only(shapes_of({.family = "smoe_gpt2"}, 0)), moe);
  EXPECT_EQ(names_only(shapes_of({.family = "smoe_gpt2"}, 1)), dense);
}

TEST(Weights, OfExpertsWithoutGatesAreTwoMatricesAndTwoBiases) {
  const Family& family = find_family("smoe_gpt2");
  const ModelConfig config = read_config(tiny_config({.family = "smoe_gpt2"}), family, "tiny");
  const std::vector<ExpertTensor> tensors = expert_tensors(config, family.layouts[0], 0, 2);
  ASSERT_EQ(tensors.size(), 8u);
  EXPECT_EQ(tensors[4].name, "transformer.h.0.mlp.experts.1.up_proj.weight");
  EXPECT_THAT(tensors[4].shape, ElementsAre(8, 16));
  EXPECT_EQ(tensors[5].name, "transformer.h.0.mlp.experts.1.up_proj.bias");
  EXPECT_THAT(tensors[5].shape, ElementsAre(8));
  EXPECT_EQ(tensors[6].name, "transformer.h.0.mlp.experts.1.down_proj.weight");
  EXPECT_THAT(tensors[6].shape, ElementsAre(16, 8));
  EXPECT_EQ(tensors[7].name, "transformer.h.0.mlp.experts.1.down_proj.bias");
  EXPECT_THAT(tensors[7].shape, ElementsAre(16));
}

TEST(Weights, OutsideTheLayersAreTheTablesTheNormAndAHeadThatIsNotTied) {
  const auto names_of_family = [](const TinyModel& tiny) {
    const Family& family = find_family(tiny.family);
    std::vector<std::string> names;
    OuterWeights unused;
    for_each_outer_tensor(unused, read_config(tiny_config(tiny), family, "tiny"), family,
                          [&](Tensor&, const std::string& name, const Shape&) { names.push_back(name); });
    return names;
  };
  EXPECT_THAT(names_of_family({}), ElementsAre("model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"));
  EXPECT_THAT(names_of_family({.family = "smoe_gpt2", .config = {{"tie_word_embeddings", true}}}),
              ElementsAre("transformer.wte.weight", "transformer.wpe.weight", "transformer.ln_f.weight",
                          "transformer.ln_f.bias"));
}

TEST(Weights, OfFusedExpertsAreTwoTensors) {
  const Family& family = find_family("qwen3_moe");
  const ModelConfig config = read_config(tiny_config({}), family, "tiny");
  const std::vector<ExpertTensor> tensors = expert_tensors(config, family.layouts[1], 0, 4);
  ASSERT_EQ(tensors.size(), 2u);
  EXPECT_EQ(tensors[0].name, "model.layers.0.mlp.experts.gate_up_proj");
  EXPECT_THAT(tensors[0].shape, ElementsAre(4, 16, 16));
  EXPECT_EQ(tensors[1].name, "model.layers.0.mlp.experts.down_proj");
  EXPECT_THAT(tensors[1].shape, ElementsAre(4, 16, 8));
}

}  // namespace
}  // namespace uncurl::model
