#include "uncurl/cluster/capacity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "uncurl/base/random.h"

namespace uncurl::cluster {
namespace {

using Costs = std::vector<double>;

double total_cost(const Costs& cost, int num_groups, const std::vector<int>& labels) {
  double total = 0;
  for (std::size_t item = 0; item < labels.size(); ++item) total += cost[item * num_groups + labels[item]];
  return total;
}

int largest_group(const std::vector<int>& labels, int num_groups) {
  std::vector<int> counts(num_groups, 0);
  for (const int group : labels) ++counts[group];
  return *std::max_element(counts.begin(), counts.end());
}

double least_cost_by_trying_all(const Costs& cost, int num_items, int num_groups, int capacity) {
  std::vector<int> labels(num_items, 0);
  double best = std::numeric_limits<double>::infinity();
  while (true) {
    if (largest_group(labels, num_groups) <= capacity) best = std::min(best, total_cost(cost, num_groups, labels));
    int item = 0;
    while (item < num_items && ++labels[item] == num_groups) labels[item++] = 0;
    if (item == num_items) return best;
  }
}

// Most items like group 0, so that places there are fought for and displaced items displace others.
Costs crowded_costs(int num_items, int num_groups, Rng& rng) {
  Costs cost;
  for (int i = 0; i < num_items * num_groups; ++i) cost.push_back(rng.uniform() + 0.4 * (i % num_groups));
  return cost;
}

TEST(Capacity, CostsTheLeastOfAllWaysThatFit) {
  Rng rng(1);
  for (int trial = 0; trial < 60; ++trial) {
    const int num_items = 5 + trial % 3, num_groups = 2 + trial % 3;
    const int capacity = (num_items + num_groups - 1) / num_groups + trial % 2;
    const Costs cost = crowded_costs(num_items, num_groups, rng);
    const std::vector<int> labels = assign_with_capacity(cost, num_groups, capacity);
    EXPECT_LE(largest_group(labels, num_groups), capacity);
    EXPECT_NEAR(total_cost(cost, num_groups, labels), least_cost_by_trying_all(cost, num_items, num_groups, capacity),
                1e-12);
  }
}

// No single exchange of two items and no move to a group with room may gain: necessary at any size.
TEST(Capacity, LeavesNoGainfulExchangeAmongManyItems) {
  Rng rng(2);
  constexpr int kItems = 120, kGroups = 30, kCapacity = 4;
  const Costs cost = crowded_costs(kItems, kGroups, rng);
  const std::vector<int> labels = assign_with_capacity(cost, kGroups, kCapacity);
  EXPECT_EQ(largest_group(labels, kGroups), kCapacity);
  const auto at = [&](int item, int group) { return cost[item * kGroups + group]; };
  for (int a = 0; a < kItems; ++a) {
    for (int b = 0; b < a; ++b) {
      EXPECT_LE(at(a, labels[a]) + at(b, labels[b]), at(a, labels[b]) + at(b, labels[a]) + 1e-9);
    }
  }
}

TEST(Capacity, TakesEqualCosts) {
  const std::vector<int> labels = assign_with_capacity(Costs(12 * 4, 1.0), 4, 3);
  for (int group = 0; group < 4; ++group) EXPECT_EQ(std::count(labels.begin(), labels.end(), group), 3);
}

TEST(Capacity, GivesEachItemItsCheapestGroupWhereThereIsRoom) {
  EXPECT_THAT(assign_with_capacity(Costs{3, 1, 2, 0, 5, 6}, 3, 2), testing::ElementsAre(1, 0));
}

}  // namespace
}  // namespace uncurl::cluster
