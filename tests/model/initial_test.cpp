#include "uncurl/model/initial.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/support/tiny_checkpoint.h"
#include "uncurl/model/create.h"

namespace uncurl::model {
namespace {

std::map<std::string, InitialTensor> initial_of(const test::TinyModel& tiny, std::size_t layout = 0) {
  const Family& family = find_family(tiny.family);
  std::map<std::string, InitialTensor> tensors;
  for (const InitialTensor& tensor :
       initial_tensors(read_config(test::tiny_config(tiny), family, "tiny"), family, family.layouts[layout])) {
    tensors[tensor.name] = tensor;
  }
  return tensors;
}

// Radford et al. 2019, section 2.3, with two layers that each add twice: 0.02 / sqrt(4).
TEST(Initial, FollowsTheRuleOfGpt2) {
  const auto tensors = initial_of({.family = "smoe_gpt2", .num_layers = 2});
  const auto expect = [&](const std::string& name, double mean, double deviation) {
    EXPECT_EQ(tensors.at(name).mean, mean) << name;
    EXPECT_EQ(tensors.at(name).deviation, deviation) << name;
  };
  expect("transformer.wte.weight", 0, 0.02);
  expect("transformer.wpe.weight", 0, 0.02);
  expect("transformer.ln_f.weight", 1, 0);
  expect("transformer.ln_f.bias", 0, 0);
  expect("transformer.h.0.attn.q_proj.weight", 0, 0.02);
  expect("transformer.h.0.attn.q_proj.bias", 0, 0);
  expect("transformer.h.0.attn.o_proj.weight", 0, 0.01);
  expect("transformer.h.0.mlp.router.weight", 0, 0.02);
  expect("transformer.h.0.mlp.experts.3.up_proj.weight", 0, 0.02);
  expect("transformer.h.0.mlp.experts.3.up_proj.bias", 0, 0);
  expect("transformer.h.0.mlp.experts.3.down_proj.weight", 0, 0.01);
  expect("transformer.h.1.mlp.down_proj.weight", 0, 0.01);
}

TEST(Initial, KnowsEveryFamilysResidualProjectionsAndNorms) {
  EXPECT_EQ(initial_of({.family = "mixtral"}).at("model.layers.1.block_sparse_moe.experts.0.w2.weight").deviation,
            0.01);
  EXPECT_EQ(initial_of({.family = "mixtral"}).at("model.layers.1.block_sparse_moe.experts.0.w1.weight").deviation,
            0.02);
  EXPECT_EQ(initial_of({.family = "olmoe"}).at("model.layers.0.self_attn.q_norm.weight").mean, 1);
  EXPECT_EQ(initial_of({.family = "qwen2_moe"}).at("model.layers.0.mlp.shared_expert.down_proj.weight").deviation,
            0.01);
  EXPECT_EQ(initial_of({.family = "qwen2_moe"}).at("model.layers.0.self_attn.k_proj.bias").mean, 0);
  EXPECT_EQ(initial_of({}, /*layout=*/1).at("model.layers.0.mlp.experts.down_proj").deviation, 0.01);
  EXPECT_EQ(initial_of({}, /*layout=*/1).at("model.layers.0.mlp.experts.gate_up_proj").deviation, 0.02);
}

TEST(Initial, CoversEveryTensorOnce) {
  const Family& family = find_family("smoe_gpt2");
  const ModelConfig config = read_config(test::tiny_config({.family = "smoe_gpt2"}), family, "tiny");
  EXPECT_EQ(initial_of({.family = "smoe_gpt2"}).size(), tensor_specs(config, family, family.layouts[0], "F32").size());
}

TEST(Draw, HasItsMeanAndDeviation) {  // of 250000 values: 5 standard errors of each
  const Tensor drawn = draw({"x.weight", {500, 500}, 0.0, 0.02}, 1).to(at::kDouble);
  EXPECT_NEAR(drawn.mean().item<double>(), 0.0, 5 * 0.02 / 500);
  EXPECT_NEAR(drawn.std().item<double>(), 0.02, 5 * 0.02 / 500 / std::sqrt(2.0));
  EXPECT_TRUE(test::identical(draw({"x.bias", {7}, 1.0, 0.0}, 1), at::ones({7})));
}

TEST(Draw, DependsOnNameAndSeedAndNotOnThreads) {
  const InitialTensor tensor{"x.weight", {300, 200}, 0.0, 0.02};
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const Tensor one = draw(tensor, 1);
  at::set_num_threads(2);
  const Tensor two = draw(tensor, 1);
  at::set_num_threads(before);
  EXPECT_TRUE(test::identical(two, one));
  EXPECT_FALSE(at::equal(draw(tensor, 2), one));
  EXPECT_FALSE(at::equal(draw({"y.weight", {300, 200}, 0.0, 0.02}, 1), one));
}

}  // namespace
}  // namespace uncurl::model
