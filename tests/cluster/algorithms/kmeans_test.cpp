#include "uncurl/cluster/algorithms/kmeans.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/cluster/planted.h"
#include "uncurl/base/error.h"
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
    if (members.empty()) continue;
    const Tensor points = points_EP.index_select(0, at::tensor(members));
    total += (points - points.mean(0, true)).pow(2).sum().item<double>();
  }
  return total;
}

// Over all ways to give `num_items` items one of `num_groups` labels with no group above `limit`.
double best_inertia_by_trying_all(const Tensor& points_EP, int num_groups, int limit) {
  const int num_items = static_cast<int>(points_EP.size(0));
  Labels labels(num_items, 0);
  double best = std::numeric_limits<double>::infinity();
  while (true) {
    if (group_sizes(labels).front() <= limit) best = std::min(best, inertia(points_EP, labels, num_groups));
    int item = 0;
    while (item < num_items && ++labels[item] == num_groups) labels[item++] = 0;
    if (item == num_items) return best;
  }
}

TEST(KMeans, FindsPlantedGroups) {
  Rng rng(1);
  EXPECT_EQ(canonical(kmeans(planted_points(64, 11, 0.3, 2), 6, {}, rng)), planted_labels(64, 11));
}

TEST(KMeans, ReachesTheLeastInertiaOfAllGroupingsOfSevenPoints) {
  Rng rng(2);
  for (std::uint32_t seed = 1; seed <= 5; ++seed) {
    const Tensor points = congruential(14, seed).view({7, 2});
    const Labels labels = kmeans(points, 3, {}, rng);
    EXPECT_NEAR(inertia(points, labels, 3), best_inertia_by_trying_all(points, 3, 7), 1e-12) << "seed " << seed;
  }
}

TEST(KMeans, ReachesTheLeastInertiaOfAllGroupingsWithALimit) {
  Rng rng(3);
  for (std::uint32_t seed = 1; seed <= 5; ++seed) {
    const Tensor points = congruential(14, seed).view({7, 2});
    const Labels labels = kmeans(points, 3, {.max_group_size = 3}, rng);
    EXPECT_NEAR(inertia(points, labels, 3), best_inertia_by_trying_all(points, 3, 3), 1e-12) << "seed " << seed;
  }
}

// Five copies of one point and one other in four groups: two groups would do, two more must be filled.
TEST(KMeans, FillsEveryGroupEvenFromEqualPoints) {
  Rng rng(4);
  Tensor points = at::zeros({6, 3}, at::kDouble);
  points.select(0, 5).fill_(1);
  EXPECT_THAT(group_sizes(kmeans(points, 4, {}, rng)), testing::SizeIs(4));
  EXPECT_THAT(group_sizes(kmeans(points, 6, {}, rng)), testing::SizeIs(6));
}

TEST(KMeans, RefusesAnAffinityAloneAndALaplacian) {
  Rng rng(5);
  EXPECT_THROW((void)cluster({.affinity = planted_affinity(10, 3, 0.1, 1)}, 2, {.algorithm = "kmeans"}, rng), Error);
  EXPECT_THAT(
      [&] {
        (void)cluster({.points = planted_points(10, 3, 0.1, 1)}, 2,
                      {.algorithm = "kmeans", .laplacian = Laplacian::kNjw}, rng);
      },
      testing::ThrowsMessage<Error>(testing::HasSubstr("has no laplacian")));
}

}  // namespace
}  // namespace uncurl::cluster
