#include <gmock/gmock.h>

#include <limits>

#include "tests/prune/observed.h"
#include "uncurl/prune/predict.h"
#include "uncurl/prune/quality.h"
#include "uncurl/prune/routers/table.h"
#include "uncurl/prune/write.h"

namespace uncurl::prune {
namespace {

TEST(Map, KeepsTheRowsOfAllMembersAndLeadsThemToTheirGroups) {
  const Tensor router_ED = random_tensor({5, 3}, 1);
  const Groups groups = {merged_group({0, 4}, 4, {0.5, 0.5}), merged_group({1, 3}, 1, {0.5, 0.5})};  // 2 is dropped
  const LayerSummary summary = summary_of_counts({1, 1, 1, 1, 1});
  EXPECT_TRUE(identical(every_row({router_ED, groups, summary, 1, 0}),
                        router_ED.index_select(0, at::tensor({0, 1, 3, 4}, at::kLong))));
  EXPECT_TRUE(identical(expert_of_every_row(groups), at::tensor({0, 1, 1, 0}, at::kLong)));
}

/// Experts 0 and 2, and 1 and 3, of every layer have the same weights and different router rows.
struct Copies : Observed {
  explicit Copies(const std::string& family) : Observed({.family = family}) {
    const test::TinyModel tiny{.family = family};
    test::TensorMap tensors = test::tiny_tensors(tiny);
    for (const std::int64_t layer : {0, 1}) {
      for (const std::int64_t e : {0, 1}) {
        for (const std::string& pattern : {model->layout.gate, model->layout.up, model->layout.down}) {
          tensors.at(model::fill_name(pattern, layer, e + 2)) = tensors.at(model::fill_name(pattern, layer, e));
        }
      }
    }
    test::write_checkpoint(folder / "copies", test::tiny_config(tiny), tensors);
    copies = std::make_unique<const model::Model>(model::open_model(folder / "copies"));
    stats = observe(*copies, compute, two_sources(), {.input_tokens = 30}, {});
  }

  Plan plan_with(const std::string& router) const {
    Plan plan = make_plan(*copies, stats, 2, {.method = "uncurl", .router = router}, {});
    for (LayerPlan& layer : plan.layers) {
      layer.groups = {merged_group({0, 2}, 0, {0.5, 0.5}), merged_group({1, 3}, 1, {0.5, 0.5})};
    }
    return plan;
  }
  std::vector<double> errors(const std::string& router) const {
    const model::LayerStream stream(*copies, compute);
    return layer_errors(stream, {plan_with(router)}, mix_all(stats, {}), {}).front();
  }

  std::unique_ptr<const model::Model> copies;
};

// Merged copies are the copies, and routing is untouched: nothing may be lost but rounding, gates renormalised or not.
TEST(Map, LosesNothingWhereMembersAreCopies) {
  for (const char* family : {"qwen3_moe", "olmoe"}) {
    const Copies copies(family);
    for (const double error : copies.errors("map")) EXPECT_LT(error, 1e-10) << family;
    for (const double error : copies.errors("anchor"))
      EXPECT_GT(error, 1e-4) << family;  // so that it is no matter of course
  }
}

TEST(Map, IsTriedInMemoryByMeasurePlan) {
  const Copies copies("olmoe");
  const model::LayerStream stream(*copies.copies, copies.compute);
  const std::vector<LayerSummary> layers = mix_all(copies.stats, {});
  // Equal distributions have KL 0; log-probabilities in fp32, each off by half an ulp, leave as much as that.
  constexpr double kRounding = std::numeric_limits<float>::epsilon();
  EXPECT_LT(measure_plan(stream, copies.plan_with("map"), layers, copies.stats, {}).back().kl.mean, kRounding);
  EXPECT_GT(measure_plan(stream, copies.plan_with("anchor"), layers, copies.stats, {}).back().kl.mean, 1e-5);
}

TEST(Map, IsNeverWritten) {
  const Observed observed;
  const Plan plan = observed.plan({.method = "uncurl", .router = "map"}, 2);
  EXPECT_THAT(
      error_of([&] { write_checkpoint(*observed.model, plan, observed.summaries(), observed.folder / "out", {}); }),
      HasSubstr("the router rule map keeps a row for each old expert, which no checkpoint"));
  EXPECT_FALSE(std::filesystem::exists(observed.folder / "out"));
}

}  // namespace
}  // namespace uncurl::prune
