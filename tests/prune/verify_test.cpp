#include "uncurl/prune/verify.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "tests/prune/observed.h"
#include "uncurl/base/file.h"
#include "uncurl/prune/write.h"

namespace uncurl::prune {
namespace {

/// A checkpoint of two experts a layer, written and ready to be damaged.
struct Written {
  Observed observed;
  Plan plan = observed.plan({.method = "uncurl"}, 2);
  std::filesystem::path folder = observed.folder / "out";

  Written() { write_checkpoint(*observed.model, plan, observed.summaries(), folder, {}); }

  Verification verify() const { return verify_checkpoint(*observed.model, plan, folder, {}); }
  std::string fault() const {
    return error_of([&] { verify(); });
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
  Json config = read_json(written.folder / "config.json");
  config["num_experts"] = 4;
  write_json(written.folder / "config.json", config);
  EXPECT_THAT(written.fault(), HasSubstr("mlp.gate.weight' is [2, 16], but config.json implies [4, 16]"));
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
