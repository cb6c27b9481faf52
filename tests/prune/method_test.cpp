#include "uncurl/prune/method.h"

#include <gmock/gmock.h>

#include "tests/prune/fixtures.h"
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {
namespace {

struct Input {
  std::vector<LayerSummary> layers;
  MethodOptions options;

  MethodInput keep(std::int64_t count, const model::Model& model = any_model()) const {
    return {layers, count, options, /*seed=*/1, model, silent()};
  }
};

TEST(KeepHighest, KeepsTheHighestScores) {
  const Input input{{summary_of_counts({0, 0, 0, 0})}, {}};
  EXPECT_THAT(anchors_of(keep_highest({1, 4, 2, 3}, input.keep(2), input.layers[0])), ElementsAre(1, 3));
}

TEST(KeepHighest, PrefersTheLowestNumberAmongEqualScores) {
  const Input input{{summary_of_counts({0, 0, 0, 0})}, {}};
  EXPECT_THAT(anchors_of(keep_highest({1, 2, 1, 1}, input.keep(3), input.layers[0])), ElementsAre(1, 0, 2));
}

TEST(KeepHighest, TakesProtectedExpertsFirst) {
  Input input{{summary_of_counts({0, 0, 0, 0}, 5)}, {}};
  input.options.protect[5] = {0};
  EXPECT_THAT(anchors_of(keep_highest({1, 4, 2, 3}, input.keep(2), input.layers[0])), ElementsAre(0, 1));
}

TEST(ProtectedExperts, AreSortedAndNamedOnce) {
  Input input{{summary_of_counts({0, 0, 0, 0}, 5)}, {}};
  input.options.protect[5] = {3, 1, 3};
  EXPECT_THAT(protected_experts(input.keep(2), input.layers[0]), ElementsAre(1, 3));
  input.options.protect[5] = {};
  EXPECT_THAT(protected_experts(input.keep(2), input.layers[0]), ElementsAre());
}

TEST(ProtectedExperts, MustExistAndLeaveNoMoreThanAreKept) {
  Input input{{summary_of_counts({0, 0, 0, 0}, 5)}, {}};
  const auto message = [&](std::vector<int> experts) {
    input.options.protect[5] = std::move(experts);
    return error_of([&] { protected_experts(input.keep(2), input.layers[0]); });
  };
  EXPECT_THAT(message({1, 4}), HasSubstr("--protect 5:4: layer 5 has experts 0 to 3"));
  EXPECT_THAT(message({-1, 2}), HasSubstr("--protect 5:-1"));
  EXPECT_THAT(message({0, 1, 2}), HasSubstr("3 experts are protected, more than the 2 that are kept"));
}

TEST(WeightedGroup, WeighsByUseAndAnchorsAtTheMostUsed) {
  const ExpertGroup group = weighted_group({3, 0, 2}, summary_of_counts({10, 99, 50, 40}));
  EXPECT_THAT(group.members, ElementsAre(0, 2, 3));
  EXPECT_THAT(group.weights, ElementsAre(0.1, 0.5, 0.4));
  EXPECT_EQ(group.anchor, 2);
}

TEST(WeightedGroup, BreaksTiesOfUseByGatesThenByNumber) {
  LayerSummary summary = summary_of_counts({5, 5, 5});
  EXPECT_EQ(weighted_group({0, 1, 2}, summary).anchor, 0);
  summary.sums.gate_sum = doubles({1.0, 1.5, 1.5});
  EXPECT_EQ(weighted_group({0, 1, 2}, summary).anchor, 1);
}

TEST(WeightedGroup, GivesMembersThatNobodyUsedEqualWeights) {
  LayerSummary summary = summary_of_counts({0, 7, 0});
  EXPECT_THAT(weighted_group({0, 2}, summary).weights, ElementsAre(0.5, 0.5));
  EXPECT_THAT(weighted_group({0, 1}, summary).weights, ElementsAre(0.0, 1.0));
}

TEST(Methods, AreTheIdentityWhereEveryExpertStays) {
  Input input{{with_inputs(summary_of_counts({3, 0, 1, 2, 2}, 0)), with_inputs(summary_of_counts({0, 0, 0, 0, 1}, 1))},
              {}};
  const TinyOlmoe tiny(5);
  for (const Method& method : methods()) {
    for (const Groups& groups : method.plan(input.keep(5, tiny.model))) {
      EXPECT_THAT(members_of(groups),
                  ElementsAre(ElementsAre(0), ElementsAre(1), ElementsAre(2), ElementsAre(3), ElementsAre(4)))
          << method.name;
      for (const ExpertGroup& group : groups) EXPECT_THAT(group.weights, ElementsAre(1.0)) << method.name;
    }
  }
}

TEST(Methods, GiveAsManyGroupsAsAskedForInTheOrderOfTheirAnchors) {
  Input input{{with_inputs(summary_of_counts({3, 0, 1, 2, 2, 9}, 0))}, {}};
  const TinyOlmoe tiny(6);
  for (const Method& method : methods()) {
    const Groups groups = method.plan(input.keep(3, tiny.model)).front();
    EXPECT_EQ(groups.size(), 3u) << method.name;
    const std::vector<int> anchors = anchors_of(groups);
    EXPECT_TRUE(std::is_sorted(anchors.begin(), anchors.end())) << method.name;
    std::size_t members = 0;
    for (const ExpertGroup& group : groups) members += group.members.size();
    EXPECT_EQ(members, method.merges ? 6u : 3u) << method.name;
  }
}

TEST(FindMethod, ListsTheMethodsAfterAMisspeltName) {
  EXPECT_THAT(error_of([] { find_method("frequent"); }), HasSubstr("there is uncurl, frequency-merge, mc-smoe"));
}

TEST(LayerAffinity, NamesLayerAndExpertWithoutLogits) {
  LayerSummary summary = summary_of(matrix(2, 3, {1, 0, 2, 3, 0, 1}), {1, 1, 1}, 4);
  EXPECT_THAT(error_of([&] { layer_affinity(summary, {}); }), HasSubstr("layer 4: expert 1"));
}

}  // namespace
}  // namespace uncurl::prune
