#include "uncurl/cluster/balance.h"

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

bool is_balanced(const std::vector<int>& labels, int num_groups) {
  std::vector<int> counts(num_groups, 0);
  for (const int group : labels) ++counts[group];
  const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  return *most - *least <= 1;
}

double least_cost_by_trying_all(const Costs& cost, int num_items, int num_groups) {
  std::vector<int> labels(num_items, 0);
  double best = std::numeric_limits<double>::infinity();
  while (true) {
    if (is_balanced(labels, num_groups)) best = std::min(best, total_cost(cost, num_groups, labels));
    int item = 0;
    while (item < num_items && ++labels[item] == num_groups) labels[item++] = 0;
    if (item == num_items) return best;
  }
}

// Most items like group 0; items divide evenly in some trials and leave a remainder in others. The costs are looked at
// in fp32: each of the 7 of a sum of some 5 is off by half an ulp of 2, 1.2e-7.
TEST(Balance, CostsTheLeastOfAllBalancedWays) {
  Rng rng(1);
  for (int trial = 0; trial < 60; ++trial) {
    const int num_items = 5 + trial % 3, num_groups = 2 + trial % 4;
    Costs cost;
    for (int i = 0; i < num_items * num_groups; ++i) cost.push_back(rng.uniform() + 0.4 * (i % num_groups));
    const std::vector<int> labels = assign_balanced(cost, num_groups);
    EXPECT_TRUE(is_balanced(labels, num_groups)) << "trial " << trial;
    EXPECT_NEAR(total_cost(cost, num_groups, labels), least_cost_by_trying_all(cost, num_items, num_groups),
                7 * 1.2e-7);
  }
}

TEST(Balance, GivesEveryItemItsOwnGroupWhereThereAreAsMany) {
  EXPECT_THAT(assign_balanced(Costs{1, 5, 9, 0, 2, 7, 0, 6, 3}, 3), testing::ElementsAre(0, 1, 2));
  EXPECT_THAT(assign_balanced(Costs{1, 5, 9}, 1), testing::ElementsAre(0, 0, 0));
}

}  // namespace
}  // namespace uncurl::cluster
