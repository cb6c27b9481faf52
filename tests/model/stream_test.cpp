#include "uncurl/model/stream.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

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
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<std::vector<std::int32_t>> kRows = {{1, 2, 3, 4, 5, 6, 7}, {8, 9}, {10}, {11, 3, 5, 7, 2}};

/// The output of the last layer for kRows.
Tensor run(const Model& model, const SweepOptions& options = {}, at::ScalarType dtype = at::kFloat,
           MoeObserver* observer = nullptr) {
  const LayerStream stream(model, {.dtype = dtype});
  const PackedRows rows = pack_rows(kRows);
  Tensor hidden = stream.embed(rows);
  sweep_layers_(hidden, rows, stream, options, observer, {});
  return hidden;
}

Tensor run(const TinyModel& tiny, const SweepOptions& options = {}, at::ScalarType dtype = at::kFloat) {
  const TemporaryFolder folder;
  test::write_tiny_checkpoint(folder / "model", tiny);
  return run(open_model(folder / "model"), options, dtype);
}

class StreamOfFusedFamily : public testing::TestWithParam<const char*> {};

TEST_P(StreamOfFusedFamily, FusedAndSingleExpertsGiveTheSameBits) {
  EXPECT_TRUE(test::identical(run({.family = GetParam(), .fused = true}), run({.family = GetParam()})));
}

INSTANTIATE_TEST_SUITE_P(All, StreamOfFusedFamily, testing::Values("qwen3_moe", "qwen2_moe", "mixtral", "olmoe"),
                         [](const auto& test) { return std::string(test.param); });

class StreamOfFamily : public testing::TestWithParam<const char*> {};

TEST_P(StreamOfFamily, OneFileAndManyGiveTheSameBits) {
  EXPECT_TRUE(test::identical(run({.family = GetParam(), .max_shard_bytes = 6000}), run({.family = GetParam()})));
}

// A product of one row runs through another kernel than one of many: equal to rounding, no more.
TEST_P(StreamOfFamily, TheSizeOfChunksChangesResultsByRoundingOnly) {
  const Tensor whole = run({.family = GetParam()});
  const double tolerance = 1e-5 * test::max_abs(whole);
  EXPECT_TRUE(test::near(run({.family = GetParam()}, {.chunk_tokens = 8}), whole, tolerance));
  EXPECT_TRUE(test::near(run({.family = GetParam()}, {.chunk_tokens = 1}), whole, tolerance));
}

// Texts that share their beginning, run whole and run with the beginning once.
TEST_P(StreamOfFamily, RowsThatContinueOthersEqualWholeOnes) {
  const TemporaryFolder folder;
  test::write_tiny_checkpoint(folder / "model", {.family = GetParam()});
  const Model model = open_model(folder / "model");
  const LayerStream stream(model, {});
  const auto run_rows = [&](const PackedRows& rows) {
    Tensor hidden = stream.embed(rows);
    sweep_layers_(hidden, rows, stream, {}, nullptr, {});
    return hidden;
  };
  PackedRows tree = pack_rows({{1, 2, 3, 4, 5, 6, 7}, {8, 9}, {3}, {10, 11}});
  tree.prefixes = {{}, {0, 5}, {0, 7}, {}};
  const Tensor whole =
      run_rows(pack_rows({{1, 2, 3, 4, 5, 6, 7}, {1, 2, 3, 4, 5, 8, 9}, {1, 2, 3, 4, 5, 6, 7, 3}, {10, 11}}));
  const Tensor expected = at::cat({whole.slice(0, 0, 7), whole.slice(0, 12, 14), whole.slice(0, 21, 24)});
  EXPECT_TRUE(test::near(run_rows(tree), expected, 1e-5 * test::max_abs(expected)));
}

TEST_P(StreamOfFamily, ResidentWeightsGiveTheSameBits) {
  const TemporaryFolder folder;
  test::write_tiny_checkpoint(folder / "model", {.family = GetParam(), .dtype = at::kBFloat16});
  const Model model = open_model(folder / "model");
  const LayerStream streamed(model, {}), resident(model, {}, Weights::kResident);
  const PackedRows rows = pack_rows(kRows);
  const auto last = [&](const LayerStream& stream) {
    Tensor hidden = stream.embed(rows);
    sweep_layers_(hidden, rows, stream, {}, nullptr, {});
    return stream.final_norm(hidden).matmul(stream.head().t());
  };
  EXPECT_TRUE(test::identical(last(resident), last(streamed)));
}

TEST_P(StreamOfFamily, FastestEqualsPlain) {
  const Tensor plain = run({.family = GetParam()}, {.implementation = nn::Implementation::kPlain});
  EXPECT_TRUE(test::near(run({.family = GetParam()}), plain, 1e-5 * test::max_abs(plain)));
}

TEST_P(StreamOfFamily, TheNumberOfThreadsChangesNoBit) {
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const Tensor one = run({.family = GetParam()});
  at::set_num_threads(2);
  const Tensor two = run({.family = GetParam()});
  at::set_num_threads(before);
  EXPECT_TRUE(test::identical(two, one));
}

TEST_P(StreamOfFamily, RowsDoNotTouch) {
  const TemporaryFolder folder;
  test::write_tiny_checkpoint(folder / "model", {.family = GetParam()});
  const Model model = open_model(folder / "model");
  const LayerStream stream(model, {});
  const PackedRows alone = pack_rows({kRows[3]});
  Tensor hidden = stream.embed(alone);
  sweep_layers_(hidden, alone, stream, {}, nullptr, {});
  EXPECT_TRUE(test::near(run(model).narrow(0, 10, 5), hidden, 1e-5 * test::max_abs(hidden)));
}

INSTANTIATE_TEST_SUITE_P(All, StreamOfFamily,
                         testing::Values("qwen3_moe", "qwen2_moe", "mixtral", "olmoe", "smoe_gpt2"),
                         [](const auto& test) { return std::string(test.param); });

TEST(Stream, RefusesARowLongerThanItsPositions) {
  const TemporaryFolder folder;
  test::write_tiny_checkpoint(folder / "model", {.family = "smoe_gpt2", .config = {{"n_positions", 6}}});
  const Model model = open_model(folder / "model");
  EXPECT_THAT(error_of([&] { run(model); }), AllOf(HasSubstr("a row has 7 tokens"), HasSubstr("learned 6 positions")));
}

// What continues a row is counted with it: the same as the whole text. Block 5, so that choices are refused.
TEST(Stream, CapacityCountsTheRowThatARowContinues) {
  const TemporaryFolder folder;
  test::write_tiny_checkpoint(folder / "model", {.family = "smoe_gpt2"});
  const Model model = open_model(folder / "model");
  const LayerStream stream(model, {});
  const auto last_of = [&](const PackedRows& rows) {
    Tensor hidden = stream.embed(rows);
    sweep_layers_(hidden, rows, stream, {}, nullptr, {});
    return hidden;
  };
  PackedRows tree = pack_rows({{1, 2, 3, 4, 5, 6, 7}, {8, 9}});
  tree.prefixes = {{}, {0, 4}};
  const Tensor whole = last_of(pack_rows({{1, 2, 3, 4, 8, 9}}));
  EXPECT_TRUE(test::near(last_of(tree).narrow(0, 7, 2), whole.narrow(0, 4, 2), 1e-5 * test::max_abs(whole)));
}

TEST(Stream, F16WeightsRunInF32) {
  const TemporaryFolder folder;
  test::write_tiny_checkpoint(folder / "model", {.dtype = at::kHalf});
  const Model model = open_model(folder / "model");
  EXPECT_EQ(default_dtype(model), at::kFloat);
  const LayerStream stream(model, {});
  EXPECT_EQ(stream.load(0).moe.experts[0].gate.scalar_type(), at::kFloat);
}

TEST(Stream, GivesTheStoredTensorsWhetherTheyWereReadAheadOrNot) {
  const TemporaryFolder folder;
  test::write_tiny_checkpoint(folder / "model", {.dtype = at::kBFloat16});
  const Model model = open_model(folder / "model");
  const LayerStream stream(model, {.dtype = at::kBFloat16});
  const Tensor stored = stored_expert(model, 1, 2).up;
  EXPECT_TRUE(test::identical(stream.load(1).moe.experts[2].up, stored));
  stream.prefetch(0);
  EXPECT_TRUE(test::identical(stream.load(1).moe.experts[2].up, stored));  // another than the one that is read ahead
  stream.prefetch(1);
  EXPECT_TRUE(test::identical(stream.load(1).moe.experts[2].up, stored));
}

TEST(Stream, LeavesExpertsOutWhereTheyAreNotWanted) {
  const TemporaryFolder folder;
  test::write_tiny_checkpoint(folder / "model", {});
  const Model model = open_model(folder / "model");
  const LayerStream stream(model, {});
  stream.prefetch(1, LayerPart::kWithoutExperts);
  const LayerWeights weights = stream.load(1, LayerPart::kWithoutExperts);
  EXPECT_TRUE(weights.moe.experts.empty());
  EXPECT_TRUE(test::identical(weights.moe.router, stream.load(1).moe.router));
}

TEST(Stream, NamesAFileThatWasCutWhileAllRowsRunThroughIt) {
  const TemporaryFolder folder;
  test::write_tiny_checkpoint(folder / "model", {});
  const Model model = open_model(folder / "model");
  const LayerStream stream(model, {});
  const PackedRows rows = pack_rows({{1, 2, 3}});
  Tensor hidden_ND = stream.embed(rows);
  const std::filesystem::path file = folder / "model" / "model.safetensors";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  EXPECT_THAT(error_of([&] { sweep_layers_(hidden_ND, rows, stream, {}, nullptr, {}); }),
              AllOf(HasSubstr(file.string()), HasSubstr("it was changed while it was in use")));
}

/// Calls `use` with the stream of a model in which `name` got a NaN at `index` of its flat elements.
template <class Use>
void with_damage(const TinyModel& tiny, const std::string& name, std::int64_t index, Use use) {
  const TemporaryFolder folder;
  test::TensorMap tensors = tiny_tensors(tiny);
  tensors.at(name).view(-1)[index].fill_(std::numeric_limits<double>::quiet_NaN());
  test::write_checkpoint(folder / "model", tiny_config(tiny), tensors);
  const Model model = open_model(folder / "model");
  use(LayerStream(model, {.dtype = default_dtype(model)}));
}

/// What loading layer 1 says to that.
std::string damage(const TinyModel& tiny, const std::string& name, std::int64_t index) {
  std::string message;
  with_damage(tiny, name, index, [&](const LayerStream& stream) { message = error_of([&] { stream.load(1); }); });
  return message;
}

TEST(Stream, NamesLayerAndExpertOfAWeightThatIsNotFinite) {
  const std::string name = "model.layers.1.mlp.experts.2.down_proj.weight";
  EXPECT_THAT(damage({.dtype = at::kBFloat16}, name, 127),
              AllOf(HasSubstr(name), HasSubstr("layer 1, expert 2"), HasSubstr("NaN")));
}

TEST(Stream, NamesTheExpertInsideAFusedTensor) {  // down is [4,16,8]: element 300 is of expert 2
  EXPECT_THAT(damage({.fused = true}, "model.layers.1.mlp.experts.down_proj", 300), HasSubstr("layer 1, expert 2"));
}

TEST(Stream, NamesAnyOtherTensorThatIsNotFinite) {
  const std::string name = "model.layers.1.self_attn.q_norm.weight";
  EXPECT_THAT(damage({}, name, 0), HasSubstr(name));
}

TEST(Stream, NamesEmbeddingsThatAreNotFiniteIfTheirRowIsUsed) {  // rows of 16: element 50 is of token 3
  with_damage({}, "model.embed_tokens.weight", 50, [](const LayerStream& stream) {
    EXPECT_NO_THROW(stream.embed(pack_rows({{2, 4}})));
    EXPECT_THAT(error_of([&] {
                  stream.embed(pack_rows({{2, 3}}));
                }),
                AllOf(HasSubstr("'model.embed_tokens.weight'"), HasSubstr("NaN")));
  });
}

TEST(Stream, NamesAHeadThatIsNotFinite) {
  with_damage({}, "lm_head.weight", 31 * 16, [](const LayerStream& stream) {
    EXPECT_THAT(error_of([&] { stream.check_last_tensors(); }), HasSubstr("'lm_head.weight'"));
  });
}

TEST(Stream, NamesTheEmbeddingsWhereTheyAreTheHead) {
  const TinyModel tied{.config = {{"tie_word_embeddings", true}}};
  with_damage(tied, "model.embed_tokens.weight", 50, [](const LayerStream& stream) {
    EXPECT_THAT(error_of([&] { stream.check_last_tensors(); }), HasSubstr("'model.embed_tokens.weight'"));
  });
}

TEST(Stream, NamesAFinalNormThatIsNotFinite) {
  with_damage({}, "model.norm.weight", 15, [](const LayerStream& stream) {
    EXPECT_THAT(error_of([&] { stream.check_last_tensors(); }), HasSubstr("'model.norm.weight'"));
  });
}

TEST(Stream, GoesOnFromALaterLayer) {
  const TemporaryFolder folder;
  test::write_tiny_checkpoint(folder / "model", {.num_layers = 3});
  const Model model = open_model(folder / "model");
  const LayerStream stream(model, {});
  const PackedRows rows = pack_rows(kRows);
  Tensor hidden = stream.embed(rows), between;
  sweep_layers_(hidden, rows, stream,
                {.after_layer =
                     [&](std::int64_t layer) {
                       if (layer == 0) between = hidden.clone();
                     }},
                nullptr, {});
  sweep_layers_(between, rows, stream, {.first_layer = 1}, nullptr, {});
  EXPECT_TRUE(test::identical(between, hidden));
}

TEST(Stream, TellsProgressInTokensUntilTheTotal) {
  const TemporaryFolder folder;
  test::write_tiny_checkpoint(folder / "model");
  const Model model = open_model(folder / "model");
  const LayerStream stream(model, {});
  const PackedRows rows = pack_rows(kRows);
  Tensor hidden = stream.embed(rows);
  std::vector<std::int64_t> done;
  std::string label;
  const Listener listener{.on_progress = [&](const Progress& step) {
    done.push_back(step.done);
    label = step.label;
    EXPECT_EQ(step.total, 30);  // 15 tokens, 2 layers
  }};
  sweep_layers_(hidden, rows, stream, {.chunk_tokens = 9, .label = "observing"}, nullptr, listener);
  EXPECT_THAT(done, ElementsAre(9, 15, 24, 30));
  EXPECT_EQ(label, "observing layer 2 of 2");
}

struct Recorder : MoeObserver {
  void observe(const MoeCall& call) override {
    if (call.layer == 1) {
      first_tokens.push_back(call.first_token);
      logits.push_back(call.logits_NE.clone());
    }
  }
  std::vector<std::int64_t> first_tokens;
  std::vector<Tensor> logits;
};

TEST(Stream, ShowsEveryTokenOnceWithItsIndex) {
  const TemporaryFolder folder;
  test::write_tiny_checkpoint(folder / "model");
  const Model model = open_model(folder / "model");
  Recorder whole, chunked;
  run(model, {}, at::kFloat, &whole);
  run(model, {.chunk_tokens = 9}, at::kFloat, &chunked);
  EXPECT_THAT(chunked.first_tokens, ElementsAre(0, 9));
  EXPECT_TRUE(test::near(at::cat(chunked.logits), whole.logits.at(0), 1e-4));
}

// Every router row of both layers leads to expert 0: the same as four copies of it.
TEST(Stream, EditTriesAChangeOfWeightsWithoutWritingIt) {
  const TinyModel tiny;
  const auto lead_to_first = [](LayerWeights weights, std::int64_t) {
    weights.moe.expert_of_row = at::zeros({4}, at::kLong);
    weights.moe.experts.resize(1);
    return weights;
  };
  test::TensorMap tensors = tiny_tensors(tiny);
  for (auto& [name, tensor] : tensors) {
    const std::size_t place = name.find(".experts.");
    if (place != std::string::npos) tensor = tensors.at(std::string(name).replace(place, 10, ".experts.0"));
  }
  const TemporaryFolder folder;
  test::write_checkpoint(folder / "copies", tiny_config(tiny), tensors);
  const Tensor expected = run(open_model(folder / "copies"));
  EXPECT_TRUE(test::near(run(tiny, {.edit = lead_to_first}), expected, 1e-5 * test::max_abs(expected)));
}

TEST(Stream, TiedEmbeddingsAreTheHead) {
  const TemporaryFolder folder;
  test::write_tiny_checkpoint(folder / "model", {.config = {{"tie_word_embeddings", true}}});
  const Model model = open_model(folder / "model");
  EXPECT_TRUE(
      test::identical(LayerStream(model, {}).head(), stored_tensor(model.checkpoint, "model.embed_tokens.weight")));
}

}  // namespace
}  // namespace uncurl::model
