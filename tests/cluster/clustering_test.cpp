#include "uncurl/cluster/clustering.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "tests/cluster/planted.h"
#include "uncurl/base/error.h"
#include "uncurl/cluster/algorithms/table.h"
#include "uncurl/cluster/summary.h"

namespace uncurl::cluster {
namespace {

Items random_items(int num_items, std::uint32_t seed) {
  const Tensor points = congruential(std::int64_t{5} * num_items, seed).view({num_items, 5});
  return {.points = points, .affinity = (-at::cdist(points, points)).exp()};
}

Labels run_algorithm(const std::string& algorithm, const Items& items, int num_groups, int max_cluster_size = 0) {
  Rng rng(1);
  return cluster(items, num_groups, {.algorithm = algorithm, .max_cluster_size = max_cluster_size}, rng);
}

class EveryAlgorithm : public testing::TestWithParam<std::string> {
 protected:
  Labels run(const Items& items, int num_groups) const { return run_algorithm(GetParam(), items, num_groups); }
};

class EveryLimitingAlgorithm : public testing::TestWithParam<std::string> {
 protected:
  Labels run(const Items& items, int num_groups, int max_cluster_size) const {
    return run_algorithm(GetParam(), items, num_groups, max_cluster_size);
  }
};

std::vector<std::string> names_where(bool (*condition)(const Algorithm&)) {
  std::vector<std::string> names;
  for (const Algorithm& algorithm : algorithms()) {
    if (condition(algorithm)) names.push_back(algorithm.name);
  }
  return names;
}

std::string test_name(const testing::TestParamInfo<std::string>& algorithm) {
  std::string name = algorithm.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Algorithms, EveryAlgorithm,
                         testing::ValuesIn(names_where([](const Algorithm&) { return true; })), test_name);
INSTANTIATE_TEST_SUITE_P(Algorithms, EveryLimitingAlgorithm,
                         testing::ValuesIn(names_where([](const Algorithm& a) { return a.limits_size; })), test_name);

TEST_P(EveryAlgorithm, ReturnsExactlyTheGroupsAskedFor) {
  for (std::uint32_t seed = 1; seed <= 4; ++seed) {
    for (const int num_groups : {1, 2, 7, 16, 30, 31, 32}) {
      const Labels labels = run(random_items(32, seed), num_groups);
      ASSERT_THAT(labels, testing::SizeIs(32));
      EXPECT_THAT(group_sizes(labels), testing::SizeIs(num_groups));
      EXPECT_EQ(labels, canonical(labels));
    }
  }
}

TEST_P(EveryAlgorithm, KeepsEveryItemApartWhenThereAreAsManyGroups) {
  Labels expected(32);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(run(random_items(32, 5), 32), expected);
}

TEST_P(EveryLimitingAlgorithm, MakesNoGroupLargerThanAllowed) {
  for (std::uint32_t seed = 1; seed <= 4; ++seed) {
    const Items items = random_items(30, seed);
    EXPECT_LE(group_sizes(run(items, 8, 4)).front(), 4);
    EXPECT_LE(group_sizes(run(items, 5, 6)).front(), 6);
    EXPECT_LE(group_sizes(run(items, 29, 2)).front(), 2);
    EXPECT_THAT(group_sizes(run(items, 8, 4)), testing::SizeIs(8));
    EXPECT_THAT(group_sizes(run(items, 29, 2)), testing::SizeIs(29));
  }
}

TEST_P(EveryLimitingAlgorithm, DoesNotChangeItsMindForALimitThatDoesNotBind) {
  const Items items = random_items(30, 3);
  EXPECT_EQ(run(items, 6, 30), run(items, 6, 0));
}

TEST_P(EveryLimitingAlgorithm, TakesEqualItemsUnderALimit) {
  const Items items{.points = at::ones({12, 4}, at::kDouble), .affinity = at::ones({12, 12}, at::kDouble)};
  EXPECT_THAT(group_sizes(run(items, 5, 3)), testing::SizeIs(5));
}

TEST_P(EveryAlgorithm, TakesItemsThatAreAllEqual) {
  const Items items{.points = at::ones({12, 4}, at::kDouble), .affinity = at::ones({12, 12}, at::kDouble)};
  EXPECT_THAT(group_sizes(run(items, 5)), testing::SizeIs(5));
}

TEST_P(EveryAlgorithm, TakesItemsThatHaveNothingInCommon) {
  const Items items{.points = at::eye(12, at::kDouble), .affinity = at::eye(12, at::kDouble)};
  EXPECT_THAT(group_sizes(run(items, 5)), testing::SizeIs(5));
}

TEST_P(EveryAlgorithm, GivesTheSameLabelsWithOneAndTwoThreads) {
  const Items items = random_items(200, 6);
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const Labels with_one = run(items, 60);
  at::set_num_threads(2);
  const Labels with_two = run(items, 60);
  at::set_num_threads(before);
  EXPECT_EQ(with_one, with_two);
}

TEST_P(EveryAlgorithm, FollowsTheOrderOfTheItems) {
  const Items items{.points = planted_points(40, 7, 0.3, 1), .affinity = planted_affinity(40, 7, 0.3, 1)};
  const Tensor order = (at::arange(40) * 17 + 5).remainder(40);  // 17 and 40 have no common factor
  const Items reordered{.points = items.points.index_select(0, order),
                        .affinity = items.affinity.index_select(0, order).index_select(1, order)};
  const Labels labels = run(items, 4);
  Labels expected;
  for (int item = 0; item < 40; ++item) expected.push_back(labels[(item * 17 + 5) % 40]);
  EXPECT_EQ(run(reordered, 4), canonical(expected));
}

// 42 items of 7 prototypes, of which 4 are met, 6 or 12 times each.
TEST_P(EveryAlgorithm, TakesFp32Items) {
  const Items items{.points = planted_points(42, 7, 0.1, 1).to(at::kFloat),
                    .affinity = planted_affinity(42, 7, 0.1, 1).to(at::kFloat)};
  if (GetParam() == "balanced") {
    EXPECT_THAT(group_sizes(run(items, 4)), testing::ElementsAre(11, 11, 10, 10));
  } else {
    EXPECT_EQ(run(items, 4), planted_labels(42, 7));
  }
}

TEST(Clustering, RefusesAnImpossibleNumberOfGroups) {
  Rng rng(1);
  EXPECT_THROW((void)cluster(random_items(10, 1), 0, {}, rng), Error);
  EXPECT_THAT([&] { (void)cluster(random_items(10, 1), 11, {}, rng); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("cannot make 11 groups of 10 experts")));
}

TEST(Clustering, SaysWhichLimitWouldBeLargeEnough) {
  Rng rng(1);
  EXPECT_THAT([&] { (void)cluster(random_items(10, 1), 3, {.max_cluster_size = 3}, rng); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("expected 4 or more")));
}

TEST(Clustering, ListsTheAlgorithmsAfterAMisspeltName) {
  Rng rng(1);
  EXPECT_THAT([&] { (void)cluster(random_items(10, 1), 3, {.algorithm = "spectra"}, rng); },
              testing::ThrowsMessage<Error>(
                  testing::StartsWith("there is no clustering 'spectra'; there is spectral, kmeans, agglomerative-")));
}

TEST(Clustering, RefusesItemsItCannotTrust) {
  Rng rng(1);
  const auto refuses = [&](const Items& items) { EXPECT_THROW((void)cluster(items, 2, {}, rng), Error); };
  refuses({});
  refuses({.points = at::ones({0, 3}, at::kDouble)});
  refuses({.affinity = at::ones({3, 4}, at::kDouble)});
  refuses({.points = at::ones({4, 2}, at::kDouble), .affinity = at::ones({3, 3}, at::kDouble)});
  refuses({.affinity = at::full({3, 3}, -1.0, at::kDouble)});
  refuses({.affinity = at::full({3, 3}, std::numeric_limits<double>::quiet_NaN(), at::kDouble)});
  refuses({.affinity = at::arange(9, at::kDouble).view({3, 3})});
}

TEST(Clustering, RefusesWhatAnAlgorithmCannotDo) {
  const auto refuses = [](const std::string& algorithm, const Items& items, const ClusterOptions& options,
                          const char* text) {
    Rng rng(1);
    ClusterOptions with_name = options;
    with_name.algorithm = algorithm;
    EXPECT_THAT([&] { (void)cluster(items, 2, with_name, rng); },
                testing::ThrowsMessage<Error>(testing::HasSubstr(text)));
  };
  const Items items = random_items(10, 1), points{.points = items.points}, affinity{.affinity = items.affinity};
  refuses("spectral", points, {}, "needs affinities between experts");
  refuses("agglomerative-ward", affinity, {}, "needs points");
  refuses("balanced", items, {.laplacian = Laplacian::kNjw}, "has no laplacian");
  refuses("balanced", items, {.max_cluster_size = 6}, "cannot hold groups to a max_cluster_size");
  refuses("agglomerative-single", items, {.max_cluster_size = 6}, "cannot hold groups to a max_cluster_size");
}

TEST(Canonical, NumbersGroupsByTheirSmallestMembers) {
  EXPECT_THAT(canonical({7, 3, 7, -1, 3}), testing::ElementsAre(0, 1, 0, 2, 1));
}

}  // namespace
}  // namespace uncurl::cluster
