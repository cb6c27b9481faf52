#include "uncurl/cluster/algorithms/agglomerative.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "uncurl/cluster/matrix.h"

namespace uncurl::cluster {
namespace {

/// Groups under way: each is known by the number of its first item.
struct Forest {
  Matrix distances;  // between groups that are alive; squared for Ward's linkage
  std::vector<double> sizes;
  std::vector<bool> alive;
  Labels labels;
};

Forest singletons(const Matrix& points, Linkage linkage) {
  Forest forest{squared_distances(points, transposed(points)), std::vector<double>(points.rows, 1),
                std::vector<bool>(points.rows, true), Labels(points.rows)};
  for (int item = 0; item < points.rows; ++item) forest.labels[item] = item;
  if (linkage == Linkage::kWard) return forest;
  for (double& distance : forest.distances.values) distance = std::sqrt(distance);
  return forest;
}

std::pair<int, int> nearest_pair(const Forest& forest) {
  std::pair<int, int> nearest(-1, -1);
  for (int a = 0; a < forest.distances.rows; ++a) {
    if (!forest.alive[a]) continue;
    for (int b = a + 1; b < forest.distances.rows; ++b) {
      if (!forest.alive[b]) continue;
      const bool nearer = nearest.first < 0 || forest.distances[a][b] < forest.distances[nearest.first][nearest.second];
      if (nearer) nearest = {a, b};
    }
  }
  return nearest;
}

/// Distance of group c from the union of a and b.
double distance_from_union(const Forest& forest, int a, int b, int c, Linkage linkage) {
  const double from_a = forest.distances[a][c], from_b = forest.distances[b][c];
  const double size_a = forest.sizes[a], size_b = forest.sizes[b], size_c = forest.sizes[c];
  switch (linkage) {
    case Linkage::kSingle:
      return std::min(from_a, from_b);
    case Linkage::kComplete:
      return std::max(from_a, from_b);
    case Linkage::kAverage:
      return (size_a * from_a + size_b * from_b) / (size_a + size_b);
    case Linkage::kWard:
      break;
  }
  return ((size_a + size_c) * from_a + (size_b + size_c) * from_b - size_c * forest.distances[a][b]) /
         (size_a + size_b + size_c);
}

void merge_(Forest& forest, int a, int b, Linkage linkage) {
  forest.alive[b] = false;
  for (int c = 0; c < forest.distances.rows; ++c) {
    if (!forest.alive[c] || c == a) continue;
    forest.distances[a][c] = forest.distances[c][a] = distance_from_union(forest, a, b, c, linkage);
  }
  forest.sizes[a] += forest.sizes[b];
  std::replace(forest.labels.begin(), forest.labels.end(), b, a);
}

}  // namespace

Labels agglomerate(const Tensor& points_EP, int num_groups, Linkage linkage) {
  Forest forest = singletons(matrix_of(points_EP), linkage);
  for (int left = forest.distances.rows; left > num_groups; --left) {
    const auto [a, b] = nearest_pair(forest);
    merge_(forest, a, b, linkage);
  }
  return forest.labels;
}

Labels agglomerative_single(const Items& items, int num_groups, const ClusterOptions&, Rng&) {
  return agglomerate(items.points, num_groups, Linkage::kSingle);
}

Labels agglomerative_average(const Items& items, int num_groups, const ClusterOptions&, Rng&) {
  return agglomerate(items.points, num_groups, Linkage::kAverage);
}

Labels agglomerative_complete(const Items& items, int num_groups, const ClusterOptions&, Rng&) {
  return agglomerate(items.points, num_groups, Linkage::kComplete);
}

Labels agglomerative_ward(const Items& items, int num_groups, const ClusterOptions&, Rng&) {
  return agglomerate(items.points, num_groups, Linkage::kWard);
}

}  // namespace uncurl::cluster
