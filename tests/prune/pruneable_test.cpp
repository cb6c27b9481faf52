#include "uncurl/prune/pruneable.h"

#include <gmock/gmock.h>

#include "tests/prune/observed.h"
#include "uncurl/prune/write.h"

namespace uncurl::prune {
namespace {

using testing::AllOf;

const test::TinyModel kDense{.family = "smoe_gpt2", .config = {{"num_experts", 0}}};

TEST(Pruneable, IsAModelWithExpertsOfOneDtype) {
  EXPECT_NO_THROW(check_pruneable(TinyOlmoe(4).model));
  const test::TemporaryFolder folder;
  test::write_tiny_checkpoint(folder / "fused", {.fused = true});
  EXPECT_NO_THROW(check_pruneable(model::open_model(folder / "fused")));
}

TEST(Pruneable, IsNoDenseModel) {
  const test::TemporaryFolder folder;
  test::write_tiny_checkpoint(folder / "dense", kDense);
  const model::Model dense = model::open_model(folder / "dense");
  const auto refusal = AllOf(HasSubstr((folder / "dense").string()), HasSubstr("none of its 2 layers holds experts"));
  EXPECT_THAT(error_of([&] { check_pruneable(dense); }), refusal);
  EXPECT_THAT(error_of([&] { observe(dense, {}, Observed::two_sources(), {}, {}); }), refusal);
  EXPECT_THAT(error_of([&] { make_plan(dense, {}, 1, {}, {}); }), refusal);
  EXPECT_THAT(error_of([&] { write_checkpoint(dense, {}, {}, folder / "out", {}); }), refusal);
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
}

TEST(Pruneable, NamesTheExpertOfAnotherDtype) {
  const test::TemporaryFolder folder;
  test::TensorMap tensors = test::tiny_tensors({});
  Tensor& other = tensors.at("model.layers.1.mlp.experts.2.up_proj.weight");
  other = other.to(at::kBFloat16);
  test::write_checkpoint(folder / "model", test::tiny_config({}), tensors);
  EXPECT_THAT(error_of([&] { check_pruneable(model::open_model(folder / "model")); }),
              AllOf(HasSubstr("'model.layers.1.mlp.experts.2.up_proj.weight' is BF16"),
                    HasSubstr("'model.layers.1.mlp.experts.0.up_proj.weight' is F32")));
}

TEST(Pruneable, MayKeepItsRouterInAnotherDtype) {
  const test::TemporaryFolder folder;
  test::TensorMap tensors = test::tiny_tensors({.dtype = at::kBFloat16});
  for (auto& [name, tensor] : tensors) {
    if (name.ends_with("mlp.gate.weight")) tensor = tensor.to(at::kFloat);
  }
  test::write_checkpoint(folder / "model", test::tiny_config({}), tensors);
  EXPECT_NO_THROW(check_pruneable(model::open_model(folder / "model")));
}

}  // namespace
}  // namespace uncurl::prune
