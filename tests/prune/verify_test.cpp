#include "uncurl/prune/verify.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "tests/prune/observed.h"
#include "tests/support/bytes_read.h"
#include "uncurl/base/file.h"
#include "uncurl/prune/write.h"

namespace uncurl::prune {
namespace {

/// A checkpoint of two experts a layer, written and ready to be damaged.
struct Written {
  Observed observed;
  Plan plan;
  std::filesystem::path folder = observed.folder / "out";
  TensorHashes hashes;

  explicit Written(const test::TinyModel& tiny = {}, const PlanRequest& request = {.method = "uncurl"})
      : observed(tiny), plan(observed.plan(request, 2)) {
    hashes = write_checkpoint(*observed.model, plan, observed.summaries(), folder, {});
  }

  Verification verify() const { return verify_checkpoint(*observed.model, plan, folder, {}); }
  std::string fault() const {
    return error_of([&] { verify(); });
  }
  std::string fault_by_hash() const {
    return error_of([&] { verify_checkpoint(*observed.model, plan, folder, {}, &hashes); });
  }

  /// Changes a JSON file of the output.
  template <class Change>
  void edit(const std::string& name, Change change) const {
    Json json = read_json(folder / name);
    change(json);
    write_json(folder / name, json);
  }

  /// Writes bytes over the end of a tensor in the file.
  void overwrite(const std::string& tensor, const void* bytes, std::size_t count) const {
    const model::Model model = model::open_model(folder);
    const checkpoint::TensorInfo& info = model.checkpoint.at(tensor);
    std::fstream file(folder / "model.safetensors", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(info.end - count));
    file.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(count));
  }
};

TEST(VerifyCheckpoint, CountsWhatItFinds) {
  const Written written;
  const Verification result = written.verify();
  const auto all = static_cast<std::int64_t>(written.observed.model->checkpoint.tensors().size());
  EXPECT_EQ(result.num_tensors, all - 2 * 2 * 3);       // two experts a layer are gone, three tensors each
  EXPECT_EQ(result.num_copied, all - 2 * (1 + 4 * 3));  // all but routers and experts
  EXPECT_EQ(result.parameters_before - result.parameters_after, 2 * 2 * (3 * 8 * 16 + 16));
  EXPECT_EQ(result.bytes_before - result.bytes_after, 4u * 2 * 2 * (3 * 8 * 16 + 16));
}

TEST(VerifyCheckpoint, FindsAFlippedByteOfACopiedTensor) {
  const Written written;
  written.overwrite("model.layers.1.self_attn.k_proj.weight", "\x11", 1);
  EXPECT_THAT(written.fault(), HasSubstr("tensor 'model.layers.1.self_attn.k_proj.weight' should be a copy"));
}

TEST(VerifyCheckpoint, FindsNaNInAChangedTensor) {
  const Written written;
  const float nan = NAN;
  written.overwrite("model.layers.0.mlp.experts.1.up_proj.weight", &nan, sizeof nan);
  EXPECT_THAT(written.fault(), HasSubstr("'model.layers.0.mlp.experts.1.up_proj.weight' of the output holds NaN"));
}

TEST(VerifyCheckpoint, FindsAWrongNumberOfExpertsInTheConfig) {
  const Written written;
  written.edit("config.json", [](Json& config) { config["num_experts"] = 4; });
  EXPECT_THAT(written.fault(), HasSubstr("mlp.gate.weight' is [2, 16], but config.json implies [4, 16]"));
}

TEST(VerifyCheckpoint, FindsAnyOtherChangeOfTheConfig) {
  const Written written;
  written.edit("config.json", [](Json& config) { config["rope_theta"] = 5000.0; });
  EXPECT_THAT(written.fault(), HasSubstr("key 'rope_theta' is 5000.0, expected 10000.0"));
  written.edit("config.json", [](Json& config) {
    config["rope_theta"] = 10000.0;
    config["torch_dtype"] = "float16";
  });
  EXPECT_THAT(written.fault(), HasSubstr("config.json of the output has"));
}

TEST(VerifyCheckpoint, FindsATensorThatTheIndexLeavesOut) {
  const Written written({.max_shard_bytes = 16000});
  EXPECT_NO_THROW(written.verify());
  written.edit("model.safetensors.index.json",
               [](Json& index) { index["weight_map"].erase("model.layers.1.mlp.gate.weight"); });
  EXPECT_THAT(written.fault(), HasSubstr("does not list tensor 'model.layers.1.mlp.gate.weight'"));
}

TEST(VerifyCheckpoint, FindsAWrongSizeInTheIndex) {
  const Written written({.max_shard_bytes = 16000});
  written.edit("model.safetensors.index.json", [](Json& index) { index["metadata"]["total_size"] = 7; });
  EXPECT_THAT(written.fault(), HasSubstr("total_size is 7, expected"));
}

TEST(VerifyCheckpoint, FindsAFlippedByteOfAKeptExpert) {
  for (const bool fused : {false, true}) {
    const Written written({.fused = fused}, {.method = "reap"});
    const std::string prefix = "model.layers.1.mlp.experts.";
    written.overwrite(prefix + (fused ? "down_proj" : "1.down_proj.weight"), "\x11", 1);
    const int anchor = written.plan.layers[1].groups[1].anchor;
    EXPECT_THAT(written.fault(), HasSubstr(concat("layer 1, expert 1 of the output should be expert ", anchor)));
  }
}

TEST(VerifyCheckpoint, AcceptsByHashWhatWasWritten) {
  for (const bool fused : {false, true}) {
    const Written written({.fused = fused}, {.method = "uncurl"});
    EXPECT_NO_THROW(verify_checkpoint(*written.observed.model, written.plan, written.folder, {}, &written.hashes));
  }
}

TEST(VerifyCheckpoint, FindsByHashAFlippedByteOfAnyTensor) {
  for (const std::string name :
       {"model.norm.weight", "model.layers.0.mlp.gate.weight", "model.layers.1.mlp.experts.1.down_proj.weight"}) {
    const Written written({}, {.method = "reap"});
    written.overwrite(name, "\x11", 1);
    EXPECT_THAT(written.fault_by_hash(), HasSubstr("'" + name + "' reads back with other bytes than were written"));
  }
}

TEST(VerifyCheckpoint, FindsByHashAnExpertUnderTheNumberOfAnother) {
  Written written({}, {.method = "reap"});
  ExpertGroup& group = written.plan.layers[1].groups[1];
  const int other = group.anchor == 0 ? 1 : 0;
  group = {.members = {other}, .anchor = other, .weights = {1.0}};
  EXPECT_THAT(written.fault_by_hash(), HasSubstr(concat("layer 1, expert 1 of the output should be expert ", other)));
}

TEST(VerifyCheckpoint, ReadsByHashWhatWasWrittenOnce) {
  const Written written({.num_layers = 8, .num_experts = 8, .hidden_size = 64, .expert_width = 128},
                        {.method = "reap"});
  const std::uint64_t size = num_bytes(tensors_after(*written.observed.model, written.plan));
  const std::optional<std::uint64_t> before = test::bytes_read();
  if (!before) GTEST_SKIP() << "this system does not count the bytes that a process reads";
  verify_checkpoint(*written.observed.model, written.plan, written.folder, {}, &written.hashes);
  // The beginnings of experts, an eighth of these small ones, come from both sides.
  EXPECT_LT(*test::bytes_read() - *before, size + size / 2);
}

TEST(VerifyCheckpoint, NamesAnOriginalOrAnOutputThatWasCut) {
  for (const bool original : {false, true}) {
    const Written written({}, {.method = "reap"});
    const model::Model& before = *written.observed.model;
    const std::filesystem::path file = (original ? before.folder() : written.folder) / "model.safetensors";
    const Listener cut{
        .on_progress =
            [&](const Progress&) { std::filesystem::resize_file(file, std::filesystem::file_size(file) / 4); },
        .on_note = {},
        .on_warning = {}};
    EXPECT_THAT(error_of([&] { verify_checkpoint(before, written.plan, written.folder, cut); }),
                AllOf(HasSubstr(file.string()), HasSubstr("it was changed while it was in use")));
  }
}

TEST(VerifyCheckpoint, AcceptsAKeptExpertThatIsScaled) {
  const Written written({.family = "olmoe"}, {.method = "reap", .compensate = true});
  EXPECT_NO_THROW(written.verify());
}

TEST(VerifyCheckpoint, FindsAFlippedByteOfAKeptRouterRow) {
  const Written written({}, {.method = "reap"});
  written.overwrite("model.layers.0.mlp.gate.weight", "\x11", 1);
  EXPECT_THAT(written.fault(), HasSubstr("'model.layers.0.mlp.gate.weight' of the output: row 1 should be row"));
}

TEST(VerifyCheckpoint, AcceptsNewRouterRows) {
  const Written written({}, {.method = "uncurl", .router = "reinit"});
  EXPECT_NO_THROW(written.verify());
}

TEST(VerifyCheckpoint, FindsATensorTooMany) {
  const Written written;
  const model::Model before = model::open_model(written.folder);
  test::TensorMap tensors;
  for (const checkpoint::TensorInfo& info : before.checkpoint.tensors()) {
    tensors[info.name] = model::stored_tensor(before.checkpoint, info.name).clone();
  }
  tensors["left.over"] = at::zeros({2});
  std::filesystem::remove_all(written.folder);
  test::write_checkpoint(written.folder, before.config_json, tensors);
  EXPECT_THAT(written.fault(), HasSubstr("tensors, expected"));
}

TEST(VerifyCheckpoint, FindsAnotherDtype) {
  const Written written;
  const model::Model before = model::open_model(written.folder);
  test::TensorMap tensors;
  for (const checkpoint::TensorInfo& info : before.checkpoint.tensors()) {
    tensors[info.name] = model::stored_tensor(before.checkpoint, info.name).clone();
  }
  tensors["model.norm.weight"] = tensors["model.norm.weight"].to(at::kBFloat16);
  std::filesystem::remove_all(written.folder);
  test::write_checkpoint(written.folder, before.config_json, tensors);
  EXPECT_THAT(written.fault(), HasSubstr("'model.norm.weight' was written as BF16 [16], expected F32 [16]"));
}

}  // namespace
}  // namespace uncurl::prune
