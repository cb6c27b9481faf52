// Configs are written as the families' own checkpoints write them; expected switches come from transformers'
// configuration and modelling files.
#include "uncurl/model/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"
#include "tests/support/tiny_checkpoint.h"

namespace uncurl::model {
namespace {

using test::error_of;
using test::tiny_config;
using test::TinyModel;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

ModelConfig read(const Json& json) {
  return read_config(json, find_family(json.at("model_type").get<std::string>()), "config.json");
}
ModelConfig read_tiny(const TinyModel& tiny) { return read(tiny_config(tiny)); }

std::string refusal(const TinyModel& tiny) {
  return error_of([&] { read_tiny(tiny); });
}

TEST(Config, OfQwen3MoeHasItsSizesAndSwitches) {  // Qwen/Qwen3-30B-A3B
  const ModelConfig config = read(Json::parse(R"({"model_type": "qwen3_moe", "attention_bias": false,
      "decoder_sparse_step": 1, "head_dim": 128, "hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 6144,
      "max_window_layers": 48, "mlp_only_layers": [], "moe_intermediate_size": 768, "norm_topk_prob": true,
      "num_attention_heads": 32, "num_experts": 128, "num_experts_per_tok": 8, "num_hidden_layers": 48,
      "num_key_value_heads": 4, "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 1000000.0,
      "sliding_window": null, "tie_word_embeddings": false, "use_sliding_window": false, "vocab_size": 151936})"));
  EXPECT_EQ(config.num_layers(), 48);
  EXPECT_EQ(config.num_experts, 128);
  EXPECT_EQ(config.routing.top_k, 8);
  EXPECT_EQ(config.expert_width, 768);
  EXPECT_EQ(config.head_dim, 128);
  EXPECT_EQ(config.shared_width, 0);
  EXPECT_TRUE(config.routing.renormalize);
  EXPECT_TRUE(config.routing.gates_in_model_dtype);
  EXPECT_FALSE(config.qkv_bias);
  EXPECT_EQ(config.rope_theta, 1e6);
  EXPECT_EQ(config.layers[47].window, 0);
}

TEST(Config, OfQwen2MoeHasItsSharedExpertAndBiases) {  // Qwen/Qwen1.5-MoE-A2.7B
  const ModelConfig config = read(Json::parse(R"({"model_type": "qwen2_moe", "decoder_sparse_step": 1,
      "hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 5632, "max_window_layers": 21,
      "moe_intermediate_size": 1408, "norm_topk_prob": false, "num_attention_heads": 16, "num_experts": 60,
      "num_experts_per_tok": 4, "num_hidden_layers": 24, "num_key_value_heads": 16, "rms_norm_eps": 1e-06,
      "rope_theta": 1000000.0, "shared_expert_intermediate_size": 5632, "sliding_window": 32768,
      "tie_word_embeddings": false, "use_sliding_window": false, "vocab_size": 151936})"));
  EXPECT_EQ(config.shared_width, 5632);
  EXPECT_EQ(config.head_dim, 128);
  EXPECT_TRUE(config.qkv_bias);
  EXPECT_FALSE(config.o_bias);
  EXPECT_FALSE(config.routing.renormalize);
  EXPECT_EQ(config.layers[0].window, 0);
}

TEST(Config, OfMixtralKeepsGatesInF32) {  // mistralai/Mixtral-8x7B-v0.1
  const ModelConfig config = read(Json::parse(R"({"model_type": "mixtral", "hidden_act": "silu", "hidden_size": 4096,
      "intermediate_size": 14336, "num_attention_heads": 32, "num_experts_per_tok": 2, "num_hidden_layers": 32,
      "num_key_value_heads": 8, "num_local_experts": 8, "rms_norm_eps": 1e-05, "rope_theta": 1000000.0,
      "sliding_window": null, "tie_word_embeddings": false, "vocab_size": 32000})"));
  EXPECT_EQ(config.num_experts, 8);
  EXPECT_EQ(config.expert_width, 14336);
  EXPECT_TRUE(config.routing.renormalize);
  EXPECT_FALSE(config.routing.gates_in_model_dtype);
  EXPECT_EQ(config.norm_epsilon, 1e-5);
}

TEST(Config, OfOlmoeClipsAndDoesNotRenormalize) {  // allenai/OLMoE-1B-7B-0924, with clip_qkv set
  const ModelConfig config = read(Json::parse(R"({"model_type": "olmoe", "attention_bias": false, "clip_qkv": 8.0,
      "hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 1024, "norm_topk_prob": false,
      "num_attention_heads": 16, "num_experts": 64, "num_experts_per_tok": 8, "num_hidden_layers": 16,
      "num_key_value_heads": 16, "rms_norm_eps": 1e-05, "rope_scaling": null, "rope_theta": 10000.0,
      "tie_word_embeddings": false, "vocab_size": 50304})"));
  EXPECT_EQ(config.num_experts, 64);
  EXPECT_EQ(config.expert_width, 1024);
  EXPECT_EQ(config.clip_qkv, 8.0);
  EXPECT_FALSE(config.routing.renormalize);
}

TEST(Config, TakesTheBaseFromRopeParametersOfNewerFiles) {
  const ModelConfig config = read_tiny(
      {.config = {{"rope_theta", nullptr}, {"rope_parameters", {{"rope_type", "default"}, {"rope_theta", 5e5}}}}});
  EXPECT_EQ(config.rope_theta, 5e5);
}

TEST(Config, AttentionBiasAddsBiasesToQwen3) {
  const ModelConfig config = read_tiny({.config = {{"attention_bias", true}}});
  EXPECT_TRUE(config.qkv_bias);
  EXPECT_TRUE(config.o_bias);
}

// What the number of experts is called, and which name wins.

TEST(Config, TakesTwoNamesOfTheNumberOfExpertsThatAgree) {
  EXPECT_EQ(read_tiny({.num_experts = 4, .config = {{"num_local_experts", 4}}}).num_experts, 4);
}

TEST(Config, RefusesTwoNumbersOfExpertsThatDisagree) {
  EXPECT_THAT(refusal({.num_experts = 4, .config = {{"num_local_experts", 3}}}),
              AllOf(HasSubstr("num_local_experts is 3"), HasSubstr("num_experts is 4")));
  EXPECT_THAT(refusal({.family = "olmoe", .num_experts = 4, .config = {{"num_local_experts", 3}}}),
              AllOf(HasSubstr("num_experts is 4"), HasSubstr("num_local_experts is 3")));
}

TEST(Config, RewritesTheNumberOfExpertsUnderEveryNamePresent) {
  const Json before = tiny_config({.config = {{"num_local_experts", 4}}});
  const Json after = with_num_experts(before, find_family("qwen3_moe"), {3, 3});
  EXPECT_EQ(after["num_experts"], 3);
  EXPECT_EQ(after["num_local_experts"], 3);
  EXPECT_FALSE(after.contains(kExpertsPerLayerKey));
  Json expected = before;
  expected["num_experts"] = expected["num_local_experts"] = 3;
  EXPECT_EQ(after.dump(), expected.dump());  // nothing else changed, not even the order
}

TEST(Config, WritesAListWhereLayersDifferAndReadsItBack) {
  const TinyModel tiny{.num_layers = 3, .config = {{"mlp_only_layers", {1}}}};
  const Json json = with_num_experts(tiny_config(tiny), find_family("qwen3_moe"), {2, 0, 3});
  EXPECT_EQ(json["num_experts"], 3);
  EXPECT_EQ(json[kExpertsPerLayerKey], Json({2, 0, 3}));
  const ModelConfig config = read(json);
  EXPECT_EQ(config.layers[0].num_experts, 2);
  EXPECT_FALSE(config.layers[1].moe);
  EXPECT_EQ(config.layers[2].num_experts, 3);
  EXPECT_THAT(config.moe_layers(), ElementsAre(0, 2));
}

TEST(Config, DropsTheListOnceLayersAgreeAgain) {
  const Json json = tiny_config({.config = {{kExpertsPerLayerKey, {4, 3}}}});
  EXPECT_FALSE(with_num_experts(json, find_family("qwen3_moe"), {2, 2}).contains(kExpertsPerLayerKey));
}

TEST(Config, RefusesAListOfExpertsThatIsNotOnePerLayer) {
  EXPECT_THAT(refusal({.config = {{kExpertsPerLayerKey, {4}}}}), HasSubstr(kExpertsPerLayerKey));
  EXPECT_THAT(refusal({.config = {{kExpertsPerLayerKey, {4, 4, 4}}}}), HasSubstr(kExpertsPerLayerKey));
  EXPECT_THAT(refusal({.config = {{kExpertsPerLayerKey, {4, "3"}}}}), HasSubstr(kExpertsPerLayerKey));
}

TEST(Config, RefusesAListOfExpertsWhoseLargestIsNotTheirNumber) {
  EXPECT_THAT(refusal({.num_experts = 4, .config = {{kExpertsPerLayerKey, {3, 2}}}}),
              AllOf(HasSubstr(kExpertsPerLayerKey), HasSubstr("up to 3"), HasSubstr("number of experts is 4")));
}

TEST(Config, OfADenseModelStaysAsItIs) {
  const Json dense = tiny_config({.family = "smoe_gpt2", .config = {{"num_experts", 0}}});
  EXPECT_EQ(with_num_experts(dense, find_family("smoe_gpt2"), {0, 0}), dense);
}

TEST(Config, RefusesALayerWithFewerExpertsThanATokenTakes) {
  EXPECT_THAT(refusal({.top_k = 2, .config = {{kExpertsPerLayerKey, {4, 1}}}}), HasSubstr("layer 1"));
}

// Kinds of layers.

TEST(Config, MlpOnlyLayersAreDense) {
  EXPECT_THAT(read_tiny({.num_layers = 4, .config = {{"mlp_only_layers", {0, 3}}}}).moe_layers(), ElementsAre(1, 2));
}

TEST(Config, EverySparseStepthLayerHoldsExperts) {  // transformers: (layer + 1) % step == 0
  EXPECT_THAT(read_tiny({.num_layers = 5, .config = {{"decoder_sparse_step", 2}}}).moe_layers(), ElementsAre(1, 3));
}

TEST(Config, MixtralSlidesInAllLayers) {
  const ModelConfig config = read_tiny({.family = "mixtral", .config = {{"sliding_window", 7}}});
  EXPECT_EQ(config.layers[0].window, 7);
  EXPECT_EQ(config.layers[1].window, 7);
}

TEST(Config, Qwen3SlidesOnlyWhenToldTo) {  // transformers: use_sliding_window is false unless given
  EXPECT_EQ(read_tiny({.config = {{"sliding_window", 7}}}).layers[0].window, 0);
  EXPECT_EQ(read_tiny({.config = {{"sliding_window", 7}, {"use_sliding_window", false}}}).layers[0].window, 0);
  EXPECT_EQ(read_tiny({.config = {{"sliding_window", 7}, {"use_sliding_window", true}}}).layers[0].window, 7);
}

TEST(Config, Qwen2SlidesAsLayerTypesSay) {
  const ModelConfig config = read_tiny({.family = "qwen2_moe",
                                        .config = {{"sliding_window", 7},
                                                   {"use_sliding_window", true},
                                                   {"layer_types", {"full_attention", "sliding_attention"}}}});
  EXPECT_EQ(config.layers[0].window, 0);
  EXPECT_EQ(config.layers[1].window, 7);
}

TEST(Config, Qwen2WithoutLayerTypesSlidesInEveryOtherLayerBelowMaxWindowLayers) {
  const ModelConfig config =
      read_tiny({.family = "qwen2_moe",
                 .num_layers = 5,
                 .config = {{"sliding_window", 7}, {"use_sliding_window", true}, {"max_window_layers", 4}}});
  std::vector<std::int64_t> windows;
  for (const LayerKind& layer : config.layers) windows.push_back(layer.window);
  EXPECT_THAT(windows, ElementsAre(7, 0, 7, 0, 0));
}

TEST(Config, RefusesLayerTypesThatSlideWhereTheWindowIsSwitchedOff) {
  const Json types = {"full_attention", "sliding_attention"};
  EXPECT_THAT(refusal({.family = "qwen2_moe", .config = {{"sliding_window", 7}, {"layer_types", types}}}),
              AllOf(HasSubstr("layer_types"), HasSubstr("use_sliding_window")));
}

TEST(Config, RefusesLayerTypesItDoesNotRunOrThatAreNotOnePerLayer) {
  const auto refused = [](const Json& types) {
    return refusal({.family = "qwen2_moe", .config = {{"layer_types", types}}});
  };
  EXPECT_THAT(refused({"full_attention", "linear_attention"}), HasSubstr("\"linear_attention\""));
  EXPECT_THAT(refused({"full_attention"}), AllOf(HasSubstr("layer_types has 1"), HasSubstr("num_hidden_layers is 2")));
}

TEST(Config, RefusesAWindowThatIsSwitchedOnAndMissing) {
  EXPECT_THAT(refusal({.config = {{"use_sliding_window", true}}}), HasSubstr("sliding_window (tokens) is missing"));
  EXPECT_THAT(refusal({.family = "mixtral", .config = {{"sliding_window", 0}}}), HasSubstr("sliding_window is 0"));
}

// transformers: only OLMoE has clip_qkv.
TEST(Config, ClipsOnlyWhereTheFamilyDoes) {
  EXPECT_EQ(read_tiny({.config = {{"clip_qkv", 2.0}}}).clip_qkv, 0);
  EXPECT_EQ(read_tiny({.family = "olmoe", .config = {{"clip_qkv", 2.0}}}).clip_qkv, 2.0);
  EXPECT_THAT(refusal({.family = "olmoe", .config = {{"clip_qkv", 0}}}), HasSubstr("clip_qkv is 0"));
}

// Refusals: what would change a logit and is not computed here.

TEST(Config, RefusesScaledRotaryPositions) {
  EXPECT_THAT(refusal({.config = {{"rope_scaling", {{"rope_type", "yarn"}, {"factor", 4.0}}}}}),
              AllOf(HasSubstr("config.json"), HasSubstr("'yarn'")));
  EXPECT_THAT(refusal({.config = {{"rope_scaling", {{"type", "linear"}, {"factor", 2.0}}}}}), HasSubstr("'linear'"));
  EXPECT_THAT(refusal({.config = {{"rope_parameters", {{"rope_type", "dynamic"}}}}}), HasSubstr("'dynamic'"));
  EXPECT_THAT(refusal({.config = {{"rope_parameters", {{"partial_rotary_factor", 0.5}}}}}),
              HasSubstr("partial_rotary_factor"));
}

TEST(Config, DoesNotAdviseToTakeScaledPositionsForOthers) {
  EXPECT_THAT(refusal({.config = {{"rope_scaling", {{"rope_type", "linear"}, {"factor", 2.0}}}}}),
              AllOf(HasSubstr("short rows included"), Not(HasSubstr("set it to default"))));
}

// transformers 5: self.rope_parameters = rope_scaling or self.rope_parameters; rope_theta inside it wins.
TEST(Config, TakesTheBaseFromWhereTransformersDoes) {
  const auto base = [](const Json& keys) { return read_tiny({.config = keys}).rope_theta; };
  EXPECT_EQ(base({{"rope_theta", 100.0}, {"rope_parameters", {{"rope_theta", 200.0}}}}), 200);
  EXPECT_EQ(base({{"rope_scaling", {{"rope_theta", 300.0}}}, {"rope_parameters", {{"rope_theta", 200.0}}}}), 300);
  EXPECT_EQ(base({{"rope_scaling", Json::object()}, {"rope_parameters", {{"rope_theta", 200.0}}}}), 200);
}

TEST(Config, RefusesPositionsThatDifferByKindOfLayer) {
  EXPECT_THAT(refusal({.config = {{"rope_parameters", {{"full_attention", {{"rope_theta", 1e6}}}}}}}),
              HasSubstr("'full_attention'"));
}

// The paper's 354M+32e (methods of Sarkar et al. 2024, section 4): every other MLP from the first, capacity factors 1.2
// and 1.0 of a text of 1024 tokens, minimum 4.
TEST(Config, OfSmoeGpt2IsThatOfThePaper) {
  const ModelConfig config = read(Json::parse(R"({"model_type": "smoe_gpt2", "vocab_size": 50257, "n_positions": 1024,
      "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096,
      "num_experts": 32, "num_experts_per_tok": 1})"));
  EXPECT_THAT(config.moe_layers(), ElementsAre(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22));
  EXPECT_EQ(config.num_positions, 1024);
  EXPECT_EQ(config.expert_width, 4096);
  EXPECT_FALSE(config.routing.renormalize);
  EXPECT_FALSE(config.gated_mlp);
  EXPECT_TRUE(config.norm_bias && config.qkv_bias && config.o_bias && config.tied_embeddings);
  EXPECT_EQ(config.norm_epsilon, 1e-5);
  ASSERT_TRUE(config.capacity_in_training && config.capacity_in_eval);
  EXPECT_EQ(nn::capacity(*config.capacity_in_training, 32), 39);  // ceil(1.2 * 1024 / 32)
  EXPECT_EQ(nn::capacity(*config.capacity_in_eval, 32), 32);
  EXPECT_EQ(nn::capacity(*config.capacity_in_eval, 512), 4);
}

TEST(Config, OfSmoeGpt2ChoosesItsLayersAndItsCapacity) {
  const auto with = [](const Json& keys) {
    return read_tiny({.family = "smoe_gpt2", .num_layers = 6, .config = keys});
  };
  EXPECT_THAT(with({{"moe_layer_step", 3}, {"moe_layer_offset", 1}}).moe_layers(), ElementsAre(1, 4));
  EXPECT_THAT(with({{"moe_layers", {2, 3}}}).moe_layers(), ElementsAre(2, 3));
  EXPECT_THAT(with({{"num_experts", 0}, {"num_experts_per_tok", nullptr}}).moe_layers(), ElementsAre());
  const ModelConfig one_way = with({{"drop_tokens_in_eval", false}, {"capacity_block", 100}});
  EXPECT_FALSE(one_way.capacity_in_eval);
  EXPECT_EQ(one_way.capacity_in_training->block, 100);
  EXPECT_EQ(one_way.capacity_in_training->factor, 2.4);  // two experts a token: 1.2 * 2.0
  EXPECT_EQ(with({{"num_experts_per_tok", 1}}).capacity_in_training->factor, 1.2);
  EXPECT_FALSE(with({{"drop_tokens_in_training", false}}).capacity_in_training);
}

TEST(Config, OfSmoeGpt2RefusesWhatItCannotRun) {
  const auto refused = [](const Json& keys) { return refusal({.family = "smoe_gpt2", .config = keys}); };
  EXPECT_THAT(refused({{"hidden_act", "silu"}}), AllOf(HasSubstr("'silu'"), HasSubstr("'gelu_new'")));
  EXPECT_THAT(refused({{"num_experts_per_tok", 3}}), HasSubstr("num_experts_per_tok is 3"));
  EXPECT_THAT(refused({{"moe_layers", {7}}}), HasSubstr("no layer holds experts"));
  EXPECT_THAT(refused({{"capacity_block", 0}}), AllOf(HasSubstr("capacity_block is 0"), HasSubstr("drop_tokens_in")));
  EXPECT_THAT(refused({{"n_positions", nullptr}}), HasSubstr("n_positions"));
  EXPECT_THAT(refused({{"moe_layer_step", 0}}), HasSubstr("moe_layer_step is 0"));
}

TEST(Config, RefusesQuantizedWeights) {
  EXPECT_THAT(refusal({.config = {{"quantization_config", {{"quant_method", "fp8"}}}}}),
              AllOf(HasSubstr("quantization_config"), HasSubstr("bf16")));
}

TEST(Config, RefusesOtherActivations) {
  EXPECT_THAT(refusal({.config = {{"hidden_act", "gelu"}}}), AllOf(HasSubstr("hidden_act"), HasSubstr("'gelu'")));
}

TEST(Config, RefusesMoreExpertsPerTokenThanThereAre) {
  EXPECT_THAT(refusal({.num_experts = 4, .top_k = 5}), AllOf(HasSubstr("5"), HasSubstr("4")));
  EXPECT_THAT(refusal({.top_k = 0}), HasSubstr("0 experts per token"));
}

TEST(Config, RefusesHeadsThatDoNotDivide) {
  EXPECT_THAT(refusal({.num_heads = 4, .num_kv_heads = 3}), HasSubstr("num_key_value_heads (3)"));
}

TEST(Config, RefusesAModelWithoutExperts) {
  EXPECT_THAT(refusal({.config = {{"mlp_only_layers", {0, 1}}}}), HasSubstr("no layer holds experts"));
}

TEST(Config, RefusesSizesThatAreNotPositive) {
  EXPECT_THAT(refusal({.vocab_size = 0}), HasSubstr("vocab_size is 0"));
  EXPECT_THAT(refusal({.num_layers = 0}), HasSubstr("num_hidden_layers is 0"));
  EXPECT_THAT(refusal({.config = {{"decoder_sparse_step", 0}}}), HasSubstr("decoder_sparse_step is 0"));
}

// Numbers from strangers: none is looped over, allocated or multiplied before it is held against a bound.

class HostileNumber : public testing::TestWithParam<std::tuple<const char*, const char*, const char*>> {};

TEST_P(HostileNumber, IsRefusedByItsKey) {
  const auto& [family, key, value] = GetParam();
  Json json = tiny_config({.family = family});
  json[key] = Json::parse(value);
  EXPECT_THAT(error_of([&] { read(json); }), AllOf(HasSubstr("config.json"), HasSubstr(key)));
}

INSTANTIATE_TEST_SUITE_P(
    OfQwen3Moe, HostileNumber,
    testing::Combine(testing::Values("qwen3_moe"),
                     testing::Values("vocab_size", "hidden_size", "num_attention_heads", "num_key_value_heads",
                                     "head_dim", "moe_intermediate_size", "num_hidden_layers", "num_experts"),
                     testing::Values("1000000000000", "9223372036854775807", "18446744073709551615", "-1", "0.5",
                                     "1e30", "true", "\"4\"", "[4]")));
INSTANTIATE_TEST_SUITE_P(OfSmoeGpt2, HostileNumber,
                         testing::Combine(testing::Values("smoe_gpt2"),
                                          testing::Values("n_positions", "capacity_block", "min_capacity"),
                                          testing::Values("1000000000000", "9223372036854775807", "-1", "0.5")));

TEST(Config, RefusesMoreLayersThanTheFilesHoldTensors) {
  EXPECT_THAT(error_of([] {
                read_config(tiny_config({.num_layers = 21}), find_family("qwen3_moe"), "config.json",
                            /*most_layers=*/20);
              }),
              AllOf(HasSubstr("num_hidden_layers is 21"), HasSubstr("at most 20"), HasSubstr("tensors in the files")));
}

TEST(Config, RefusesSizesThatAreEachPossibleButNotTogether) {
  EXPECT_THAT(refusal({.num_layers = 100, .config = {{"num_experts", 100000}}}), HasSubstr("100000 experts in each"));
  EXPECT_THAT(refusal({.hidden_size = 1 << 26, .vocab_size = 1 << 26, .num_heads = 1, .num_kv_heads = 1}),
              HasSubstr("parameters"));
}

TEST(Config, RefusesASharedOrDenseWidthThatIsNotPositive) {
  EXPECT_THAT(refusal({.family = "qwen2_moe", .config = {{"shared_expert_intermediate_size", 0}}}),
              HasSubstr("shared_expert_intermediate_size is 0"));
  EXPECT_THAT(refusal({.config = {{"mlp_only_layers", {0}}, {"intermediate_size", -3}}}),
              HasSubstr("intermediate_size is -3"));
}

TEST(Config, NamesTheNumberOfExpertsThatIsMissing) {
  EXPECT_THAT(refusal({.family = "olmoe", .config = {{"num_experts", nullptr}}}),
              AllOf(HasSubstr("config.json"), HasSubstr("'num_experts' (number of experts) is missing")));
}

class RequiredKey : public testing::TestWithParam<const char*> {};

TEST_P(RequiredKey, IsNamedWhenItIsMissing) {
  Json json = tiny_config({});
  json.erase(GetParam());
  EXPECT_THAT(error_of([&] { read(json); }),
              AllOf(HasSubstr("config.json"), HasSubstr(concat("'", GetParam(), "' is missing"))));
}

INSTANTIATE_TEST_SUITE_P(All, RequiredKey,
                         testing::Values("vocab_size", "hidden_size", "num_attention_heads", "num_hidden_layers",
                                         "num_experts_per_tok", "moe_intermediate_size"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace uncurl::model
