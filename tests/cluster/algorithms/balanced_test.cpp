#include "uncurl/cluster/algorithms/balanced.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/cluster/planted.h"
#include "uncurl/cluster/summary.h"

namespace uncurl::cluster {
namespace {

double inertia(const Tensor& points_EP, const Labels& labels, int num_groups) {
  double total = 0;
  for (int group = 0; group < num_groups; ++group) {
    std::vector<std::int64_t> members;
    for (std::size_t item = 0; item < labels.size(); ++item) {
      if (labels[item] == group) members.push_back(static_cast<std::int64_t>(item));
    }
    const Tensor points = points_EP.index_select(0, at::tensor(members));
    total += (points - points.mean(0, true)).pow(2).sum().item<double>();
  }
  return total;
}

double best_inertia_by_trying_all(const Tensor& points_EP, int num_groups) {
  const int num_items = static_cast<int>(points_EP.size(0));
  Labels labels(num_items, 0);
  double best = std::numeric_limits<double>::infinity();
  while (true) {
    const std::vector<int> sizes = group_sizes(labels);
    const bool balanced = static_cast<int>(sizes.size()) == num_groups && sizes.front() - sizes.back() <= 1;
    if (balanced) best = std::min(best, inertia(points_EP, labels, num_groups));
    int item = 0;
    while (item < num_items && ++labels[item] == num_groups) labels[item++] = 0;
    if (item == num_items) return best;
  }
}

TEST(Balanced, ReachesTheLeastInertiaOfAllBalancedGroupings) {
  Rng rng(2);
  for (std::uint32_t seed = 1; seed <= 5; ++seed) {
    const Tensor points = congruential(16, seed).view({8, 2});
    const Labels labels = balanced_clustering({.points = points}, 3, {}, rng);
    EXPECT_THAT(group_sizes(labels), testing::ElementsAre(3, 3, 2));
    EXPECT_NEAR(inertia(points, labels, 3), best_inertia_by_trying_all(points, 3), 1e-12) << "seed " << seed;
  }
}

// 40 points of four prototypes, ten each, in an order that mixes them.
TEST(Balanced, FindsPlantedGroupsOfEqualSize) {
  const Tensor centers = congruential(32, 3).view({4, 8});
  const Tensor prototype = (at::arange(40) * 7).remainder(40).remainder(4);
  const Tensor points = centers.index_select(0, prototype) + 0.1 * congruential(320, 4).view({40, 8});
  Labels expected;
  for (int item = 0; item < 40; ++item) expected.push_back(item * 7 % 40 % 4);
  Rng rng(1);
  EXPECT_EQ(cluster({.points = points}, 4, {.algorithm = "balanced"}, rng), canonical(expected));
}

}  // namespace
}  // namespace uncurl::cluster
