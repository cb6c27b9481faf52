#include "uncurl/prune/write.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "tests/prune/observed.h"
#include "tests/support/bytes_read.h"
#include "uncurl/base/file.h"
#include "uncurl/prune/merge.h"
#include "uncurl/prune/verify.h"

namespace uncurl::prune {
namespace {

/// Writes the plan's checkpoint, verifies it and opens it.
model::Model written(const Observed& observed, const Plan& plan, const std::string& name = "out") {
  write_checkpoint(*observed.model, plan, observed.summaries(), observed.folder / name, {});
  verify_checkpoint(*observed.model, plan, observed.folder / name, {});
  return model::open_model(observed.folder / name);
}

Tensor tensor(const model::Model& model, const std::string& name) {
  return model::stored_tensor(model.checkpoint, name);
}

TEST(WriteCheckpoint, ReproducesTheModelWhenEveryExpertStays) {
  for (const char* family : {"qwen3_moe", "qwen2_moe", "mixtral", "olmoe"}) {
    const Observed observed({.family = family, .dtype = at::kBFloat16});
    const model::Model copy = written(observed, identity_plan(observed));
    ASSERT_EQ(copy.checkpoint.tensors().size(), observed.model->checkpoint.tensors().size()) << family;
    for (const checkpoint::TensorInfo& info : observed.model->checkpoint.tensors()) {
      EXPECT_TRUE(identical(tensor(copy, info.name), tensor(*observed.model, info.name))) << info.name;
    }
    EXPECT_EQ(copy.config_json, observed.model->config_json);
  }
}

TEST(WriteCheckpoint, RenumbersTheKeptExperts) {
  const Observed observed({.family = "mixtral", .num_experts = 5});
  Plan plan = identity_plan(observed);
  for (LayerPlan& layer : plan.layers) layer.groups = {single_group(1), single_group(2), single_group(4)};
  const model::Model smaller = written(observed, plan);
  EXPECT_EQ(smaller.config.num_experts, 3);
  for (const std::int64_t layer : {0, 1}) {
    const std::vector<Expert> before = model::stored_experts(*observed.model, layer),
                              after = model::stored_experts(smaller, layer);
    expect_same_expert(after[0], before[1]);
    expect_same_expert(after[1], before[2]);
    expect_same_expert(after[2], before[4]);
    const std::string router = model::fill_name(observed.model->layout.router, layer);
    EXPECT_TRUE(identical(tensor(smaller, router),
                          tensor(*observed.model, router).index_select(0, at::tensor({1, 2, 4}, at::kLong))));
  }
}

TEST(WriteCheckpoint, WritesTheSameNumbersInEitherLayout) {
  const auto experts = [](bool fused) {
    const Observed observed({.family = "qwen2_moe", .fused = fused});
    const model::Model smaller = written(observed, observed.plan({.method = "uncurl"}, 2));
    EXPECT_EQ(smaller.layout.fused, fused);
    std::vector<Expert> copies;
    for (const Expert& expert : model::stored_experts(smaller, 1)) {
      copies.push_back({expert.gate.clone(), expert.up.clone(), expert.down.clone()});
    }
    return copies;
  };
  const std::vector<Expert> single = experts(false), fused = experts(true);
  for (std::size_t e = 0; e < 2; ++e) expect_same_expert(fused[e], single[e]);
}

TEST(WriteCheckpoint, KeepsSharedExpertsDenseLayersAndUnknownTensors) {
  const Json dense_first = {{"mlp_only_layers", {0}}};
  const test::TinyModel tiny{.family = "qwen2_moe", .num_layers = 3, .config = dense_first};
  const test::TemporaryFolder folder;
  test::TensorMap tensors = test::tiny_tensors(tiny);
  tensors["vision.patch.weight"] = random_tensor({3, 5}, 9).to(at::kHalf);
  test::write_checkpoint(folder / "model", test::tiny_config(tiny), tensors);
  const model::Model model = model::open_model(folder / "model");
  Plan plan{.model_type = "qwen2_moe"};
  for (const std::int64_t layer : {1, 2}) {
    plan.layers.push_back(
        {.layer = layer, .method = "by hand", .router = "slice", .groups = {single_group(0), single_group(3)}});
  }
  const LayerSummary unused = summary_of_counts({1, 1, 1, 1});
  write_checkpoint(model, plan, {unused, unused}, folder / "out", {});
  verify_checkpoint(model, plan, folder / "out", {});
  const model::Model smaller = model::open_model(folder / "out");
  const std::set<std::string> routed = routed_tensor_names(model);
  for (const checkpoint::TensorInfo& info : model.checkpoint.tensors()) {
    if (routed.contains(info.name)) continue;
    EXPECT_TRUE(identical(tensor(smaller, info.name), tensor(model, info.name))) << info.name;
  }
  EXPECT_FALSE(routed.contains("model.layers.1.mlp.shared_expert.up_proj.weight"));
  EXPECT_FALSE(routed.contains("model.layers.1.mlp.shared_expert_gate.weight"));
}

TEST(WriteCheckpoint, KeepsDifferentCountsApart) {
  const Observed observed({.family = "olmoe"});
  const PlanRequest request{.method = "frequency", .layer_experts = {{1, 2}}, .allow_mixed_counts = true};
  const model::Model smaller = written(observed, observed.plan(request, 3));
  EXPECT_EQ(smaller.config.layers[0].num_experts, 3);
  EXPECT_EQ(smaller.config.layers[1].num_experts, 2);
}

TEST(WriteCheckpoint, WritesShardsWhereTheOriginalHasThem) {
  const Observed observed({.max_shard_bytes = 16000});
  ASSERT_TRUE(observed.model->checkpoint.is_sharded());
  const model::Model smaller = written(observed, observed.plan({.method = "uncurl"}, 2));
  EXPECT_TRUE(smaller.checkpoint.is_sharded());
  for (const checkpoint::CheckpointFile& file : smaller.checkpoint.files()) {
    EXPECT_LE(file.file->size(), 20000u);  // with its header
  }
}

TEST(WriteCheckpoint, GivesTheSameBytesForAnyNumberOfThreads) {
  const Observed observed({.dtype = at::kBFloat16});
  const Plan plan = observed.plan({.method = "uncurl"}, 2);
  const auto bytes = [&](int threads) {
    const Threads scope(threads);
    const std::string name = concat("threads-", threads);
    write_checkpoint(*observed.model, plan, observed.summaries(), observed.folder / name, {});
    return read_text(observed.folder / name / "model.safetensors");
  };
  EXPECT_EQ(bytes(1), bytes(2));
}

TEST(WriteCheckpoint, ReadsWhatItKeepsOnceAndNothingElse) {
  const Observed observed({.num_layers = 8, .num_experts = 8, .hidden_size = 64, .expert_width = 128});
  const Plan plan = observed.plan({.method = "reap"}, 2);
  const std::uint64_t kept = num_bytes(tensors_after(*observed.model, plan));  // 1.8 of 6.5 MB
  const std::optional<std::uint64_t> before = test::bytes_read();
  if (!before) GTEST_SKIP() << "this system does not count the bytes that a process reads";
  write_checkpoint(*observed.model, plan, observed.summaries(), observed.folder / "out", {});
  EXPECT_LT(*test::bytes_read() - *before, kept + kept / 8);  // with headers, configuration and whole routers
}

TEST(WriteCheckpoint, CarriesTheOtherFilesAndNamesThoseItLeaves) {
  const Observed observed;
  write_text(observed.folder / "model" / "tokenizer.json", "{}");
  write_text(observed.folder / "model" / "plan.json", "of an earlier pruning");
  std::filesystem::create_directory(observed.folder / "model" / "onnx");
  std::vector<std::string> notes;
  const Listener listener{.on_note = [&](const std::string& text) { notes.push_back(text); }};
  write_checkpoint(*observed.model, identity_plan(observed), observed.summaries(), observed.folder / "out", listener);
  EXPECT_EQ(read_text(observed.folder / "out" / "tokenizer.json"), "{}");
  EXPECT_FALSE(std::filesystem::exists(observed.folder / "out" / "plan.json"));
  EXPECT_THAT(notes, ElementsAre(testing::EndsWith("model/onnx")));
}

TEST(TensorsAfter, CountTheParametersThatStay) {
  const Observed observed({.num_layers = 1});
  const std::vector<checkpoint::TensorSpec> after =
      tensors_after(*observed.model, observed.plan({.method = "reap"}, 3));
  // Of four experts of width 8 in a model of width 16 one goes, with its router row.
  EXPECT_EQ(num_parameters(after), observed.model->checkpoint.num_parameters() - (3 * 8 * 16 + 16));
}

TEST(TensorsAfter, TakeCountsInPlaceOfAPlan) {
  const Observed observed({.num_layers = 3, .config = {{"mlp_only_layers", {0}}}});
  const std::vector<checkpoint::TensorSpec> after =
      tensors_after(*observed.model, observed.plan({.method = "reap"}, 3));
  EXPECT_EQ(tensors_after(*observed.model, std::vector<std::int64_t>{0, 3, 3}), after);
  EXPECT_EQ(num_bytes(after), 4 * static_cast<std::uint64_t>(num_parameters(after)));  // fp32
}

TEST(RoutedTensorNames, AreRoutersAndExpertsAlone) {
  const Observed observed({.family = "mixtral", .num_layers = 1, .num_experts = 2});
  EXPECT_THAT(routed_tensor_names(*observed.model), ElementsAre("model.layers.0.block_sparse_moe.experts.0.w1.weight",
                                                                "model.layers.0.block_sparse_moe.experts.0.w2.weight",
                                                                "model.layers.0.block_sparse_moe.experts.0.w3.weight",
                                                                "model.layers.0.block_sparse_moe.experts.1.w1.weight",
                                                                "model.layers.0.block_sparse_moe.experts.1.w2.weight",
                                                                "model.layers.0.block_sparse_moe.experts.1.w3.weight",
                                                                "model.layers.0.block_sparse_moe.gate.weight"));
}

TEST(WriteCheckpoint, NamesAnOriginalThatWasCutMeanwhile) {
  const Observed observed;
  const std::filesystem::path file = observed.model->folder() / "model.safetensors";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 4);
  EXPECT_THAT(error_of([&] {
                write_checkpoint(*observed.model, identity_plan(observed), observed.summaries(),
                                 observed.folder / "out", {});
              }),
              AllOf(HasSubstr(file.string()), HasSubstr("it was changed while it was in use")));
  EXPECT_FALSE(std::filesystem::exists(observed.folder / "out"));
}

}  // namespace
}  // namespace uncurl::prune
