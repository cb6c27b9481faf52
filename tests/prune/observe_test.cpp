#include "uncurl/prune/observe.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <functional>
#include <limits>

#include "tests/prune/observed.h"
#include "uncurl/base/file.h"
#include "uncurl/prune/stats_file.h"

namespace uncurl::prune {
namespace {

using test::TemporaryFolder;

/// The bytes of the statistics as a file.
std::string bytes_of_stats(const RoutingStats& stats) {
  const TemporaryFolder folder;
  write_stats(folder / "stats", stats);
  return read_text(folder / "stats");
}

/// A model of three layers with a place for a state file.
struct Setting {
  TemporaryFolder folder;
  std::vector<text::SampledSource> sources = Observed::two_sources();
  ObserveOptions options;

  Setting() {
    test::write_tiny_checkpoint(folder / "model", {.num_layers = 3});
    options.state = folder / "state";
    options.save_seconds = 0;  // these layers take milliseconds
    options.sample_tokens = 20;
    options.input_tokens = 8;
  }

  RoutingStats run(const Listener& listener = {}) const {
    const model::Model model = model::open_model(folder / "model");
    return observe(model, {}, sources, options, listener);
  }

  /// Calls `action` once the layer of this number, counted from one, has begun.
  template <class Action>
  static Listener in_layer(int layer, Action action) {
    const std::string label = concat("layer ", layer, " of");
    return {.on_progress = [label, action](const Progress& step) {
      if (step.label.find(label) != std::string::npos) action();
    }};
  }

  /// Interrupts in the layer of this number, which is finished then, and returns what the interruption says.
  std::string run_until_interrupted(int layer) const {
    try {
      run(in_layer(layer, [] { throw Interrupted(); }));
    } catch (const Interrupted& interrupted) {
      return interrupted.what();
    }
    ADD_FAILURE() << "was not interrupted";
    return "";
  }

  /// Puts a NaN into a tensor of the model.
  void damage(const std::string& name) const {
    const test::TinyModel tiny{.num_layers = 3};
    test::TensorMap tensors = test::tiny_tensors(tiny);
    tensors.at(name).fill_(std::numeric_limits<double>::quiet_NaN());
    std::filesystem::remove_all(folder / "model");
    test::write_checkpoint(folder / "model", test::tiny_config(tiny), tensors);
  }

  RoutingStats run_from_scratch() {
    ObserveOptions before = options;
    options.state.clear();
    RoutingStats stats = run();
    options = before;
    return stats;
  }
};

TEST(Observe, CountsTheTokensOfEachSource) {
  const Observed observed;
  for (const LayerStats& layer : observed.stats.layers) {
    for (std::size_t s = 0; s < 2; ++s) {
      const auto tokens = static_cast<double>(observed.stats.sources[s].num_tokens);
      EXPECT_EQ(layer.sources[s].num_tokens, tokens);
      EXPECT_EQ(layer.sources[s].count.sum().item<double>(), 2 * tokens);  // top_k is 2
      EXPECT_NEAR(layer.sources[s].score_sum.sum().item<double>(), tokens, 1e-4);
      EXPECT_NEAR(layer.sources[s].gate_sum.sum().item<double>(), tokens, 1e-4);  // this family renormalises
    }
  }
}

TEST(Observe, GivesASourceTheSameSumsWithOthersBesideIt) {
  const Observed both, alone({}, {random_source("second", 4, 0, 2)});
  for (std::size_t layer = 0; layer < 2; ++layer) {
    const ExpertSums &found = both.stats.layers[layer].sources[1], &expected = alone.stats.layers[layer].sources[0];
    EXPECT_TRUE(identical(found.count, expected.count));
    expect_near(found.gram, expected.gram, 1e-4);
    expect_near(found.norm_sum, expected.norm_sum, 1e-4);
  }
}

TEST(Observe, KeepsTheLogitsOfAFixedSample) {
  const Setting setting;
  const RoutingStats stats = setting.run();
  EXPECT_EQ(stats.sample_source.size(0), 20);
  for (const LayerStats& layer : stats.layers) EXPECT_EQ(layer.sample_logits.sizes(), at::IntArrayRef({20, 4}));
  const Tensor sources = stats.sample_source;
  EXPECT_TRUE((sources == 0).any().item<bool>() && (sources == 1).any().item<bool>());
}

TEST(Observe, KeepsTheInputsOfTheFirstSampledTokens) {
  Setting setting;
  const RoutingStats few = setting.run();
  for (const LayerStats& layer : few.layers) {
    EXPECT_EQ(layer.sample_inputs.sizes(), at::IntArrayRef({8, 16}));
    // Router rows times inputs are the logits that were kept of the same tokens.
    const Tensor router = model::stored_tensor(model::open_model(setting.folder / "model").checkpoint,
                                               concat("model.layers.", layer.layer, ".mlp.gate.weight"));
    expect_near(layer.sample_inputs.mm(router.t()), layer.sample_logits.narrow(0, 0, 8), 1e-5);
  }
  setting.options.sample_tokens = 8;  // a smaller sample is the beginning of a larger one
  EXPECT_TRUE(identical(setting.run().sample_tokens, few.sample_tokens.narrow(0, 0, 8)));
}

TEST(Observe, RefusesToKeepMoreInputsThanLogits) {
  Setting setting;
  setting.options.input_tokens = 21;
  EXPECT_THAT(error_of([&] { setting.run(); }), HasSubstr("inputs of 21 tokens: only 20 are sampled"));
}

TEST(Observe, KeepsEveryLogitWhenTheSampleIsLarger) {  // so the sample has to give the sums of all tokens
  const Observed observed({}, {random_source("only", 5, 2, 3)});
  const LayerStats& layer = observed.stats.layers[1];
  const Tensor logits = layer.sample_logits.to(at::kDouble);
  expect_near(logits.t().mm(logits), layer.sources[0].gram, 1e-9);
}

TEST(Observe, PutsHeldOutFilesBehindTheSources) {
  std::vector<text::SampledSource> sources = {random_source("task", 4, 0, 1), random_source("exam", 0, 3, 2)};
  const Observed observed({}, sources);
  ASSERT_EQ(observed.stats.sources.size(), 1u);
  EXPECT_EQ(observed.stats.sources[0].name, "task");
  EXPECT_THAT(observed.stats.held_out.source_names, ElementsAre("exam"));
  EXPECT_EQ(observed.stats.held_out.final_ND.size(0), observed.stats.held_out.rows.num_tokens());
}

TEST(Observe, RefusesToRunWithoutRows) {
  EXPECT_THAT(error_of([] { Observed({}, {}); }), HasSubstr("there is no row to observe"));
  EXPECT_THAT(error_of([] { Observed({}, {random_source("exam", 0, 3, 2)}); }), HasSubstr("3 held-out rows"));
}

TEST(Observe, RefusesTokensBeyondTheVocabulary) {
  text::SampledSource source = random_source("task", 2, 0, 1);
  source.observed[1].ids[2] = 32;
  EXPECT_THAT(error_of([&] { Observed({}, {source}); }), HasSubstr("the tokenizer gives id 32"));
}

TEST(Observe, GivesTheSameBytesForAnyNumberOfThreads) {
  const Setting setting;
  const auto run = [&](int threads) {
    const Threads scope(threads);
    return bytes_of_stats(setting.run());
  };
  EXPECT_EQ(run(1), run(2));
}

TEST(Observe, FinishesTheLayerAndResumesAfterItWithTheSameBytes) {
  Setting setting;
  const std::string expected = bytes_of_stats(setting.run_from_scratch());
  setting.run_until_interrupted(2);
  ASSERT_TRUE(std::filesystem::exists(setting.options.state));
  std::vector<std::string> notes, labels;
  const Listener listener{.on_progress = [&](const Progress& step) { labels.push_back(step.label); },
                          .on_note = [&](const std::string& text) { notes.push_back(text); }};
  EXPECT_EQ(bytes_of_stats(setting.run(listener)), expected);
  EXPECT_THAT(notes, ElementsAre(HasSubstr("resuming after layer 2")));
  EXPECT_EQ(labels.front(), "observing layer 3 of 3");
}

TEST(Observe, ResumesASecondTimeAndAfterTheLastLayer) {
  Setting setting;
  const std::string expected = bytes_of_stats(setting.run_from_scratch());
  for (const int layer : {1, 2, 3}) setting.run_until_interrupted(layer);
  EXPECT_EQ(bytes_of_stats(setting.run()), expected);
}

TEST(Observe, StopsAtOnceWithoutAPlaceForItsState) {
  Setting setting;
  setting.options.state.clear();
  EXPECT_EQ(setting.run_until_interrupted(2), "interrupted");
}

/// The state as a killed run leaves it, after two of three layers and with something done to it.
void expect_started_anew_after(const std::function<void(const std::filesystem::path& state)>& damage,
                               const std::string& reason) {
  Setting setting;
  const std::string expected = bytes_of_stats(setting.run_from_scratch());
  setting.run_until_interrupted(1);
  setting.run_until_interrupted(2);
  damage(setting.options.state);
  std::vector<std::string> notes;
  const Listener listener{.on_note = [&](const std::string& text) { notes.push_back(text); }};
  EXPECT_EQ(bytes_of_stats(setting.run(listener)), expected);
  EXPECT_THAT(notes, ElementsAre(testing::AllOf(HasSubstr("state cannot be used ("), HasSubstr(reason),
                                                HasSubstr("); starting anew"))));
}

void cut(const std::filesystem::path& file, std::uintmax_t by) {
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - by);
}

TEST(Observe, StartsAnewAndSaysWhyWhereTheStateIsCutShort) {
  using Path = std::filesystem::path;
  expect_started_anew_after([](const Path& state) { cut(state / "hidden.safetensors", 10); }, "hidden.safetensors");
  expect_started_anew_after([](const Path& state) { cut(state / "layers-1.safetensors", 10); }, "layers-1.safetensors");
  expect_started_anew_after([](const Path& state) { std::filesystem::resize_file(state / "layers-2.safetensors", 0); },
                            "layers-2.safetensors");
  expect_started_anew_after([](const Path& state) { std::filesystem::remove(state / "layers-1.safetensors"); },
                            "layers-1.safetensors");
}

/// Writes the file again with something else in it, under the same key.
void change(const std::filesystem::path& path, const std::function<void(model::TensorFile& file)>& edit) {
  model::TensorFile file = model::read_tensor_file(path);
  edit(file);
  model::write_tensor_file(path, {file.tensors.begin(), file.tensors.end()}, file.metadata);
}

TEST(Observe, StartsAnewAndSaysWhyWhereTheStateHoldsWhatCannotBe) {
  using Path = std::filesystem::path;
  const auto in_hidden = [](const std::function<void(model::TensorFile&)>& edit) {
    return [edit](const Path& state) { change(state / "hidden.safetensors", edit); };
  };
  const auto in_layers = [](const std::function<void(model::TensorFile&)>& edit) {
    return [edit](const Path& state) { change(state / "layers-1.safetensors", edit); };
  };
  expect_started_anew_after(in_hidden([](auto& file) {
                              file.tensors.at("hidden") = at::zeros({3, 5});
                            }),
                            "hidden is [3, 5]");
  expect_started_anew_after(in_hidden([](auto& file) { file.tensors.at("hidden") = file.at("hidden").to(at::kHalf); }),
                            "hidden holds F16, expected F32");
  expect_started_anew_after(in_hidden([](auto& file) { file.metadata["next_layer"] = 9; }), "next_layer is 9");
  expect_started_anew_after(in_hidden([](auto& file) { file.metadata["files"].erase(0); }),
                            "the statistics of layer 0 are missing");
  expect_started_anew_after(in_hidden([](auto& file) { file.metadata["files"][0] = "layers-/../../secret"; }),
                            "names the file");
  expect_started_anew_after(in_layers([](auto& file) { file.metadata["layers"][0] = "a"; }), "should hold numbers");
  expect_started_anew_after(in_layers([](auto& file) { file.at("layers.0.sources.0.gram").fill_(NAN); }),
                            "gram of expert 0 is NaN");
  expect_started_anew_after(in_layers([](auto& file) {
                              file.tensors.at("layers.0.sample_logits") = at::zeros({1, 4});
                            }),
                            "sample_logits is [1, 4]");
}

TEST(Observe, StartsAnewFromTheSingleFileOfEarlierVersions) {
  expect_started_anew_after(
      [](const std::filesystem::path& state) {
        std::filesystem::remove_all(state);
        write_text(state, "one file");
      },
      "another version");
}

TEST(Observe, WritesEachLayerOnce) {
  const Setting setting;
  setting.run();
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(setting.options.state)) {
    names.push_back(entry.path().filename());
  }
  EXPECT_THAT(names,
              testing::UnorderedElementsAre("hidden.safetensors", "layers-1.safetensors", "layers-2.safetensors"));
}

TEST(Observe, SavesNothingUnlessSoManySecondsHavePassed) {
  Setting setting;
  setting.options.save_seconds = 3600;
  setting.run();
  EXPECT_FALSE(std::filesystem::exists(setting.options.state));
}

TEST(Observe, KnowsItsRequestBeforehand) {
  const Setting setting;
  const model::Model model = model::open_model(setting.folder / "model");
  EXPECT_EQ(request_of(model, {}, setting.sources, setting.options), setting.run().request);
  ObserveOptions other = setting.options;
  other.sample_tokens = 10;
  EXPECT_NE(request_of(model, {}, setting.sources, other), setting.run().request);
  std::vector<text::SampledSource> weighted = setting.sources;
  weighted[0].weight = 2.0;  // no sum depends on it, but the plan does
  EXPECT_NE(request_of(model, {}, weighted, setting.options), setting.run().request);
}

// Qwen3-30B-A3B with the defaults: 147,456 tokens of 2,048 bf16 values after each of 48 layers, and of each layer a
// Gram matrix of 128 x 128 and ten vectors in fp64 and 8,192 x 128 logits in fp32: 0.6 GB a save, 0.2 GB of statistics.
TEST(SaveSchedule, WritesLittleOfALargeModel) {
  const std::int64_t hidden = 147'456LL * 2048 * 2, layers = 48LL * (8 * (128 * 128 + 10 * 128) + 8192 * 128 * 4);
  const SaveSchedule schedule = save_schedule(48, hidden, layers, 5);
  EXPECT_EQ(schedule.layers_apart, 16);  // after layers 16 and 32
  EXPECT_LE(2 * hidden + layers, kStateBytes);
}

TEST(SaveSchedule, SavesAtLeastOnceAndAtMostAfterEachLayer) {
  EXPECT_EQ(save_schedule(48, 10 * kStateBytes, 0, 5).layers_apart, 24);
  EXPECT_EQ(save_schedule(48, 1, 2 * kStateBytes, 5).layers_apart, 24);
  EXPECT_EQ(save_schedule(48, 1000, 1000, 5).layers_apart, 1);
  EXPECT_EQ(save_schedule(1, 1000, 1000, 5).layers_apart, 1);
}

TEST(Observe, CanBeRepeatedFromItsStateUntilThatIsDiscarded) {  // writing the statistics may fail
  const Setting setting;
  const std::string expected = bytes_of_stats(setting.run());
  std::vector<std::string> notes;
  const Listener listener{.on_note = [&](const std::string& text) { notes.push_back(text); }};
  EXPECT_EQ(bytes_of_stats(setting.run(listener)), expected);
  EXPECT_THAT(notes, ElementsAre(HasSubstr("resuming after layer 2")));
  discard_state(setting.options.state);
  EXPECT_FALSE(std::filesystem::exists(setting.options.state));
}

TEST(Observe, KeepsTheStateWhenTheNextCannotBeSaved) {
  Setting setting;
  const std::string expected = bytes_of_stats(setting.run_from_scratch());
  const std::filesystem::path partial = setting.options.state / "hidden.safetensors.partial";
  const Listener listener = Setting::in_layer(2, [&] {
    if (!std::filesystem::is_symlink(partial)) std::filesystem::create_symlink("/dev/full", partial);
  });
  EXPECT_THAT(error_of([&] { setting.run(listener); }), HasSubstr("No space left on device"));
  std::vector<std::string> notes;
  const Listener again{.on_note = [&](const std::string& text) { notes.push_back(text); }};
  EXPECT_EQ(bytes_of_stats(setting.run(again)), expected);
  EXPECT_THAT(notes, ElementsAre(HasSubstr("resuming after layer 1")));
}

TEST(Observe, RemovesItsStateWhenALayerFails) {  // the same checkpoint would fail again
  const Setting setting;
  setting.damage("model.layers.1.mlp.experts.0.up_proj.weight");
  EXPECT_THAT(error_of([&] { setting.run(); }), HasSubstr("layer 1, expert 0"));
  EXPECT_FALSE(std::filesystem::exists(setting.options.state));
}

TEST(Observe, SaysWhereAnInterruptedRunResumes) {
  const Setting setting;
  const std::string state = setting.options.state.string();
  EXPECT_EQ(setting.run_until_interrupted(1), "interrupted; the same command resumes after layer 1 from " + state);
  EXPECT_EQ(setting.run_until_interrupted(3), "interrupted; the same command resumes after layer 3 from " + state);
}

TEST(Observe, RefusesADiskWithoutRoomForItsState) {
  Setting setting;
  setting.options.state = "/proc/state";  // has no bytes free, ever
  const auto begun = [] { ADD_FAILURE() << "a layer has run"; };
  EXPECT_THAT(error_of([&] { setting.run(Setting::in_layer(1, begun)); }), HasSubstr("/proc/state: needs"));
}

TEST(Observe, RefusesWhatIsNotFiniteOutsideTheLayersBeforeTheFirst) {
  const auto begun = [] { ADD_FAILURE() << "a layer has run"; };
  for (const char* name : {"model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"}) {
    const Setting setting;
    setting.damage(name);
    EXPECT_THAT(error_of([&] { setting.run(Setting::in_layer(1, begun)); }), HasSubstr(name));
  }
}

/// A change of the request after an interruption: the old state must not be used.
template <class Change>
void expect_started_anew(Change change) {
  Setting setting;
  setting.run_until_interrupted(3);
  change(setting);
  std::vector<std::string> notes;
  const Listener listener{.on_note = [&](const std::string& text) { notes.push_back(text); }};
  const std::string found = bytes_of_stats(setting.run(listener));
  EXPECT_THAT(notes, ElementsAre(HasSubstr("belongs to another observation")));
  EXPECT_EQ(found, bytes_of_stats(setting.run_from_scratch()));
}

TEST(Observe, StartsAnewWithOtherTokens) {
  expect_started_anew([](Setting& setting) { setting.sources[1].observed[0].ids[0] ^= 1; });
}

TEST(Observe, StartsAnewWithOtherSources) {
  expect_started_anew([](Setting& setting) { setting.sources[1].name = "renamed"; });
}

TEST(Observe, StartsAnewWithOtherOptions) {
  expect_started_anew([](Setting& setting) { setting.options.provenance["sequence_length"] = 99; });
}

TEST(Observe, StartsAnewWithAnotherSizeOfTheSample) {
  expect_started_anew([](Setting& setting) { setting.options.sample_tokens = 10; });
}

TEST(Observe, StartsAnewWithAnotherModel) {
  expect_started_anew([](Setting& setting) {
    std::filesystem::remove_all(setting.folder / "model");
    test::write_tiny_checkpoint(setting.folder / "model", {.num_layers = 3, .seed = 2});
  });
}

TEST(StateBytes, BoundTheState) {
  const Setting setting;
  setting.run_until_interrupted(2);
  const model::Model model = model::open_model(setting.folder / "model");
  std::int64_t tokens = 0;
  for (const text::SampledSource& source : setting.sources) {
    for (const text::TokenRow& row : source.observed) tokens += static_cast<std::int64_t>(row.ids.size());
    for (const text::TokenRow& row : source.held_out) tokens += static_cast<std::int64_t>(row.ids.size());
  }
  const std::int64_t bound = state_bytes(model.config, {2, tokens, 20, 8}, at::kFloat);
  // Two of three layers are in its files; the headers are extra.
  const auto size = static_cast<std::int64_t>(bytes_of_state(setting.options.state));
  EXPECT_LT(size, bound + 8192);
  EXPECT_GT(size, bound / 3);  // hidden states once, where the bound leaves room for two
}

}  // namespace
}  // namespace uncurl::prune
