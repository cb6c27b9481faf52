#include "uncurl/prune/sequential.h"

#include <gmock/gmock.h>

#include "tests/prune/observed.h"
#include "uncurl/base/file.h"
#include "uncurl/prune/stats_file.h"
#include "uncurl/prune/write.h"

namespace uncurl::prune {
namespace {

RoutingStats sequential(const Observed& observed, const SequentialRequest& request, ObserveOptions options = {},
                        const Listener& listener = {}) {
  options.input_tokens = 10;
  return observe_sequentially(*observed.model, observed.compute, Observed::two_sources(), options, request, listener);
}

void expect_near_sums(const LayerStats& found, const LayerStats& expected) {
  for (std::size_t s = 0; s < 2; ++s) {
    ExpertSums one = found.sources[s], other = expected.sources[s];
    std::vector<Tensor> parts;
    for_each_sum(other, [&](const char*, Tensor& sum, bool) { parts.push_back(sum); });
    std::size_t next = 0;
    for_each_sum(one, [&](const char* name, Tensor& sum, bool) {
      EXPECT_TRUE(test::near(sum, parts[next], 1e-4 * parts[next].abs().max().item<double>())) << name;
      ++next;
    });
    EXPECT_TRUE(identical(one.count, other.count));
  }
}

TEST(Sequential, GivesTheOrdinaryStatisticsWhereEveryExpertStays) {
  const Observed observed({.num_layers = 3});
  const RoutingStats found = sequential(observed, {4, {.method = "reap"}});
  ASSERT_EQ(found.layers.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) expect_near_sums(found.layers[i], observed.stats.layers[i]);
  expect_near(found.held_out.final_ND, observed.stats.held_out.final_ND, 1e-5);
}

/// The same the long way: the layers that are pruned so far are written as a checkpoint, and that one is observed.
void expect_layers_of_written_checkpoints(const test::TinyModel& tiny, PlanRequest request) {
  const Observed observed(tiny);
  const RoutingStats found = sequential(observed, {2, request});
  const Plan plan = make_plan(*observed.model, found, 2, request, {});
  for (std::size_t behind = 1; behind < 3; ++behind) {
    Plan beginning = plan;
    beginning.allow_mixed_counts = true;
    for (std::size_t i = behind; i < 3; ++i) {
      beginning.layers[i].groups.clear();
      for (int e = 0; e < 4; ++e) beginning.layers[i].groups.push_back(single_group(e));
    }
    const std::filesystem::path out = observed.folder / concat("behind-", behind);
    write_checkpoint(*observed.model, beginning, mix_all(found, {}), out, {});
    const model::Model written = model::open_model(out);
    const RoutingStats expected = observe(written, observed.compute, Observed::two_sources(), {.input_tokens = 10}, {});
    expect_near_sums(found.layers[behind], expected.layers[behind]);
    expect_near(found.layers[behind].sample_inputs, expected.layers[behind].sample_inputs, 1e-4);
    EXPECT_FALSE(test::near(found.layers[behind].sources[0].gram, observed.stats.layers[behind].sources[0].gram, 1e-2));
  }
  // What is measured against is the original all the same.
  expect_near(found.held_out.final_ND, observed.stats.held_out.final_ND, 1e-5);
}

TEST(Sequential, ObservesEachLayerBehindThoseThatWereDroppedFrom) {
  expect_layers_of_written_checkpoints({.family = "olmoe", .num_layers = 3}, {.method = "reap", .compensate = true});
}

TEST(Sequential, ObservesEachLayerBehindThoseThatWereMerged) {
  expect_layers_of_written_checkpoints({.num_layers = 3}, {.method = "uncurl", .seed = 3});
}

TEST(Sequential, PassesThroughDenseLayers) {
  const test::TinyModel tiny{.num_layers = 3, .config = {{"mlp_only_layers", {1}}}};
  const Observed observed(tiny);
  const RoutingStats found = sequential(observed, {4, {.method = "reap"}});
  ASSERT_EQ(found.layers.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) expect_near_sums(found.layers[i], observed.stats.layers[i]);
}

std::string bytes_of(const RoutingStats& stats) {
  const test::TemporaryFolder folder;
  write_stats(folder / "stats", stats);
  return read_text(folder / "stats");
}

TEST(Sequential, ResumesToTheSameBytes) {
  const Observed observed({.num_layers = 3});
  const SequentialRequest request{2, {.method = "uncurl"}};
  const std::string expected = bytes_of(sequential(observed, request));
  const ObserveOptions options{.state = observed.folder / "state", .save_seconds = 0};
  for (const char* where : {"observing layer 2 of", "pruning layer 3 of"}) {
    const Listener stop{.on_progress = [&](const Progress& step) {
      if (step.label.find(where) != std::string::npos) throw Interrupted();
    }};
    EXPECT_THROW(sequential(observed, request, options, stop), Interrupted);
  }
  std::vector<std::string> notes;
  const Listener listener{.on_note = [&](const std::string& text) { notes.push_back(text); }};
  EXPECT_EQ(bytes_of(sequential(observed, request, options, listener)), expected);
  EXPECT_THAT(notes, ElementsAre(HasSubstr("resuming after layer 3")));
}

TEST(Sequential, IsResumedByItsOwnRequestAlone) {
  const Observed observed({.num_layers = 3});
  const ObserveOptions options{.state = observed.folder / "state", .save_seconds = 0};
  sequential(observed, {2, {.method = "uncurl"}}, options);
  std::vector<std::string> notes;
  const Listener listener{.on_note = [&](const std::string& text) { notes.push_back(text); }};
  sequential(observed, {2, {.method = "uncurl", .seed = 1}}, options, listener);
  EXPECT_THAT(notes, ElementsAre(HasSubstr("belongs to another observation")));
}

TEST(Sequential, WarnsOfAPlanForAnotherRequest) {
  const Observed observed;
  const PlanRequest request{.method = "reap"};
  const RoutingStats stats = sequential(observed, {2, request});
  std::vector<std::string> warnings;
  const Listener listener{.on_warning = [&](const std::string& text) { warnings.push_back(text); }};
  make_plan(*observed.model, stats, 2, request, listener);
  EXPECT_THAT(warnings, ElementsAre());
  make_plan(*observed.model, stats, 3, request, listener);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("after layers pruned by another request")));
}

TEST(Sequential, RefusesAMethodThatChoosesOverAllLayers) {
  const Observed observed;
  EXPECT_THAT(error_of([&] {
                sequential(observed, {2, {.method = "mc-smoe", .allow_mixed_counts = true}});
              }),
              HasSubstr("mc-smoe with --allow-mixed-counts chooses over all layers at once"));
}

}  // namespace
}  // namespace uncurl::prune
