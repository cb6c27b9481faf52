#include "uncurl/cluster/algorithms/agglomerative.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "tests/cluster/planted.h"
#include "uncurl/cluster/summary.h"

namespace uncurl::cluster {
namespace {

using Group = std::vector<std::int64_t>;

Tensor rows_of(const Tensor& points_EP, const Group& group) { return points_EP.index_select(0, at::tensor(group)); }

double spread(const Tensor& points) { return (points - points.mean(0, true)).pow(2).sum().item<double>(); }

// By the definition, from the members themselves: no recurrence.
double distance(const Tensor& points_EP, const Group& a, const Group& b, Linkage linkage) {
  const Tensor in_a = rows_of(points_EP, a), in_b = rows_of(points_EP, b);
  if (linkage == Linkage::kWard) return spread(at::cat({in_a, in_b})) - spread(in_a) - spread(in_b);
  const Tensor distances = (in_a.unsqueeze(1) - in_b.unsqueeze(0)).pow(2).sum(-1).sqrt();
  if (linkage == Linkage::kSingle) return distances.min().item<double>();
  if (linkage == Linkage::kComplete) return distances.max().item<double>();
  return distances.mean().item<double>();
}

Labels by_definition(const Tensor& points_EP, int num_groups, Linkage linkage) {
  std::vector<Group> groups;
  for (std::int64_t item = 0; item < points_EP.size(0); ++item) groups.push_back({item});
  while (static_cast<int>(groups.size()) > num_groups) {
    std::size_t best_a = 0, best_b = 1;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t a = 0; a < groups.size(); ++a) {
      for (std::size_t b = a + 1; b < groups.size(); ++b) {
        const double between = distance(points_EP, groups[a], groups[b], linkage);
        if (between < least) {
          least = between;
          best_a = a;
          best_b = b;
        }
      }
    }
    groups[best_a].insert(groups[best_a].end(), groups[best_b].begin(), groups[best_b].end());
    groups.erase(groups.begin() + static_cast<std::ptrdiff_t>(best_b));
  }
  Labels labels(static_cast<std::size_t>(points_EP.size(0)));
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (const std::int64_t item : groups[g]) labels[static_cast<std::size_t>(item)] = static_cast<int>(g);
  }
  return canonical(labels);
}

class EveryLinkage : public testing::TestWithParam<Linkage> {};
INSTANTIATE_TEST_SUITE_P(Linkages, EveryLinkage,
                         testing::Values(Linkage::kSingle, Linkage::kAverage, Linkage::kComplete, Linkage::kWard));

TEST_P(EveryLinkage, MergesAsTheDefinitionSays) {
  for (std::uint32_t seed = 1; seed <= 4; ++seed) {
    const Tensor points = congruential(60, seed).view({20, 3});
    for (const int num_groups : {2, 5, 11}) {
      EXPECT_EQ(canonical(agglomerate(points, num_groups, GetParam())), by_definition(points, num_groups, GetParam()))
          << "seed " << seed << ", " << num_groups << " groups";
    }
  }
}

TEST_P(EveryLinkage, FindsPlantedGroups) {
  EXPECT_EQ(canonical(agglomerate(planted_points(64, 11, 0.2, 2), 6, GetParam())), planted_labels(64, 11));
}

// A chain with one wide gap: only the single linkage follows it to its ends.
TEST(Agglomerative, LinkagesDifferOnAChain) {
  const Tensor chain = at::tensor({0.0, 1.0, 2.1, 3.3, 4.6, 6.0, 8.0}).view({7, 1}).to(at::kDouble);
  EXPECT_THAT(canonical(agglomerate(chain, 2, Linkage::kSingle)), testing::ElementsAre(0, 0, 0, 0, 0, 0, 1));
  EXPECT_THAT(group_sizes(agglomerate(chain, 2, Linkage::kComplete)).front(), testing::Lt(6));
}

}  // namespace
}  // namespace uncurl::cluster
