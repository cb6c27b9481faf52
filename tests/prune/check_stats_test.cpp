#include "uncurl/prune/check_stats.h"

#include <gmock/gmock.h>

#include <limits>

#include "tests/prune/observed.h"
#include "uncurl/prune/stats_file.h"

namespace uncurl::prune {
namespace {

using test::error_of;
using ::testing::HasSubstr;

/// Statistics of a tiny model, one part changed.
class CheckStats : public testing::Test {
 protected:
  std::string refusal(const std::function<void(RoutingStats&)>& change) {
    RoutingStats stats = observed_.stats;
    change(stats);
    return error_of([&] { check_stats(stats); });
  }
  std::string misfit(const std::function<void(model::ModelConfig&)>& change) {
    model::ModelConfig config = observed_.model->config;
    change(config);
    return error_of([&] { expect_stats_fit(observed_.stats, config); });
  }

  Observed observed_;
};

TEST_F(CheckStats, TakesWhatWasObserved) {
  EXPECT_NO_THROW(check_stats(observed_.stats));
  EXPECT_NO_THROW(expect_stats_fit(observed_.stats, observed_.model->config));
}

TEST_F(CheckStats, NamesLayerTensorAndExpertOfASumThatIsNotFinite) {
  const std::string message = refusal([](RoutingStats& stats) {
    Tensor& sum = stats.layers[1].sources[0].norm_sum;
    sum = sum.clone();
    sum[2] = std::numeric_limits<double>::infinity();
  });
  EXPECT_THAT(message, HasSubstr("layer 1, source 0: norm_sum of expert 2 is NaN or infinite"));
  EXPECT_THAT(message, HasSubstr("--dtype f32"));
}

TEST_F(CheckStats, NamesTheShapeOrDtypeThatDoesNotFit) {
  EXPECT_THAT(refusal([](RoutingStats& stats) {
                stats.layers[0].sources[0].gram = at::zeros({4, 3}, at::kDouble);
              }),
              HasSubstr("layer 0, source 0: gram is [4, 3], expected [4, 4]"));
  EXPECT_THAT(refusal([](RoutingStats& stats) { stats.layers[0].sources[1].count = at::zeros({4}); }),
              HasSubstr("layer 0, source 1: count holds F32, expected F64"));
  EXPECT_THAT(refusal([](RoutingStats& stats) {
                stats.layers[1].sample_logits = at::zeros({1, 4});
              }),
              HasSubstr("layer 1: sample_logits is [1, 4], expected ["));
}

TEST_F(CheckStats, NamesASourceThatThereIsNot) {
  EXPECT_THAT(refusal([](RoutingStats& stats) { stats.sample_source = stats.sample_source + 7; }),
              HasSubstr("sample_source holds"));
  EXPECT_THAT(refusal([](RoutingStats& stats) { stats.held_out.source_of_row.at(0) = -1; }),
              HasSubstr("held_out.source_of_row holds -1"));
}

TEST_F(CheckStats, RefusesRowsThatRunBackwards) {
  EXPECT_THAT(refusal([](RoutingStats& stats) { stats.held_out.rows.begins.at(1) = 1'000'000; }),
              HasSubstr("held_out.begins should ascend from 0 to"));
}

TEST_F(CheckStats, RefusesLayersTwiceAndNegativeCounts) {
  EXPECT_THAT(refusal([](RoutingStats& stats) { stats.layers[1].layer = 0; }), HasSubstr("layer 0 follows layer 0"));
  EXPECT_THAT(refusal([](RoutingStats& stats) { stats.sources[0].num_tokens = 0; }), HasSubstr("has 0 tokens"));
}

TEST_F(CheckStats, AreOfTheModelThatTheyServe) {
  EXPECT_THAT(misfit([](model::ModelConfig& config) { config.layers.pop_back(); }),
              HasSubstr("the statistics have 2 layers, the model has 1 with experts"));
  EXPECT_THAT(misfit([](model::ModelConfig& config) { config.layers[1].num_experts = 8; }),
              HasSubstr("layer 1 has 4 experts in the statistics, 8 in the model"));
  EXPECT_THAT(misfit([](model::ModelConfig& config) { config.hidden_size = 24; }),
              HasSubstr("the model's output is 16 wide in the statistics, but the model 24"));
  EXPECT_THAT(misfit([](model::ModelConfig& config) { config.vocab_size = 2; }), HasSubstr("held_out.ids holds"));
}

// A NaN compares with nothing, so an order of scores that hold one is none.
TEST_F(CheckStats, AScoreThatIsNotANumberIsNeverSorted) {
  const std::vector<LayerSummary> layers = mix_all(observed_.stats, {});
  const MethodOptions options;
  const MethodInput input{layers, 2, options, /*seed=*/1, *observed_.model, silent()};
  EXPECT_THAT(error_of([&] {
                keep_highest({1, std::nan(""), 2, 3}, input, layers[0]);
              }),
              HasSubstr("layer 0: the score of expert 1 is not a number"));
}

}  // namespace
}  // namespace uncurl::prune
