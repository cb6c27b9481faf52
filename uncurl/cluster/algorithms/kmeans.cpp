#include "uncurl/cluster/algorithms/kmeans.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "uncurl/cluster/balance.h"
#include "uncurl/cluster/capacity.h"
#include "uncurl/cluster/matrix.h"

namespace uncurl::cluster {
namespace {

double sum(const std::vector<double>& values) {
  double total = 0;
  for (const double value : values) total += value;
  return total;
}

// An item drawn with a probability proportional to its weight; the first item of weight 0 if all are 0.
int draw(const std::vector<double>& weights, Rng& rng) {
  double left = rng.uniform() * sum(weights);
  int last = 0;
  for (int item = 0; item < static_cast<int>(weights.size()); ++item) {
    if (weights[item] <= 0) continue;
    last = item;
    left -= weights[item];
    if (left < 0) break;
  }
  return last;
}

std::vector<double> closer_of(const std::vector<double>& nearest, const double* distances) {
  std::vector<double> closer(nearest);
  for (std::size_t item = 0; item < closer.size(); ++item) closer[item] = std::min(closer[item], distances[item]);
  return closer;
}

// Greedy k-means++: each next seed is the best of a few draws that favour far points. `pairwise` is [E,E].
std::vector<int> draw_seeds(const Matrix& pairwise, int num_groups, Rng& rng) {
  const int num_draws = 2 + static_cast<int>(std::log(num_groups));
  std::vector<int> seeds = {static_cast<int>(rng.below(static_cast<std::uint64_t>(pairwise.rows)))};
  std::vector<double> nearest(pairwise[seeds[0]], pairwise[seeds[0]] + pairwise.rows);
  while (static_cast<int>(seeds.size()) < num_groups) {
    int best_seed = 0;
    std::vector<double> best_nearest;
    double best_total = std::numeric_limits<double>::infinity();
    for (int i = 0; i < num_draws; ++i) {
      const int seed = draw(nearest, rng);
      std::vector<double> closer = closer_of(nearest, pairwise[seed]);
      const double total = sum(closer);
      if (total >= best_total) continue;
      best_seed = seed;
      best_total = total;
      best_nearest = std::move(closer);
    }
    seeds.push_back(best_seed);
    nearest = std::move(best_nearest);
  }
  return seeds;
}

Matrix centers_at(const std::vector<int>& seeds, const Matrix& points) {
  Matrix centers(points.columns, static_cast<int>(seeds.size()));
  for (int group = 0; group < centers.columns; ++group) {
    for (int p = 0; p < points.columns; ++p) centers[p][group] = points[seeds[group]][p];
  }
  return centers;
}

std::vector<int> count_members(const Labels& labels, int num_groups) {
  std::vector<int> counts(num_groups, 0);
  for (const int group : labels) ++counts[group];
  return counts;
}

Matrix mean_centers(const Matrix& points, const Labels& labels, int num_groups) {
  const std::vector<int> counts = count_members(labels, num_groups);
  Matrix centers(points.columns, num_groups);
  for (int item = 0; item < points.rows; ++item) {
    for (int p = 0; p < points.columns; ++p) centers[p][labels[item]] += points[item][p];
  }
  for (int p = 0; p < points.columns; ++p) {
    for (int group = 0; group < num_groups; ++group) centers[p][group] /= counts[group];
  }
  return centers;
}

Labels nearest_groups(const Matrix& distances, const KMeansOptions& options) {
  if (options.balanced) return assign_balanced(distances.values, distances.columns);
  Labels labels(distances.rows);
  for (int item = 0; item < distances.rows; ++item) {
    const double* const row = distances[item];
    labels[item] = static_cast<int>(std::min_element(row, row + distances.columns) - row);
  }
  if (options.max_group_size == 0) return labels;
  const std::vector<int> counts = count_members(labels, distances.columns);
  if (*std::max_element(counts.begin(), counts.end()) <= options.max_group_size) return labels;
  return assign_with_capacity(distances.values, distances.columns, options.max_group_size);
}

// Each empty group takes the item that is farthest from its centre, of those that do not leave a group empty.
void fill_empty_groups_(Labels& labels, const Matrix& distances) {
  std::vector<int> counts = count_members(labels, distances.columns);
  std::vector<bool> moved(labels.size(), false);
  for (int group = 0; group < distances.columns; ++group) {
    if (counts[group] > 0) continue;
    int farthest = -1;
    for (int item = 0; item < distances.rows; ++item) {
      if (moved[item] || counts[labels[item]] < 2) continue;
      if (farthest < 0 || distances[item][labels[item]] > distances[farthest][labels[farthest]]) farthest = item;
    }
    --counts[labels[farthest]];
    ++counts[group];
    labels[farthest] = group;
    moved[farthest] = true;
  }
}

struct Run {
  Labels labels;
  double inertia = std::numeric_limits<double>::infinity();
};

Run run_once(const Matrix& points, const Matrix& pairwise, int num_groups, const KMeansOptions& options, Rng& rng) {
  Matrix centers = centers_at(draw_seeds(pairwise, num_groups, rng), points);
  Labels labels;
  for (int iteration = 0; iteration < options.max_iterations; ++iteration) {
    const Matrix distances = squared_distances(points, centers);
    Labels next = nearest_groups(distances, options);
    fill_empty_groups_(next, distances);
    if (next == labels) break;
    labels = std::move(next);
    centers = mean_centers(points, labels, num_groups);
  }
  const Matrix distances = squared_distances(points, centers);
  double inertia = 0;
  for (int item = 0; item < points.rows; ++item) inertia += distances[item][labels[item]];
  return {std::move(labels), inertia};
}

}  // namespace

Labels kmeans(const Tensor& points_EP, int num_groups, const KMeansOptions& options, Rng& rng) {
  const Matrix points = matrix_of(points_EP);
  const Matrix pairwise = squared_distances(points, transposed(points));
  Run best;
  for (int restart = 0; restart < options.num_restarts; ++restart) {
    Run run = run_once(points, pairwise, num_groups, options, rng);
    if (run.inertia < best.inertia) best = std::move(run);
  }
  return best.labels;
}

Labels kmeans_clustering(const Items& items, int num_groups, const ClusterOptions& options, Rng& rng) {
  return kmeans(items.points, num_groups,
                {.num_restarts = options.num_restarts, .max_group_size = options.max_cluster_size}, rng);
}

}  // namespace uncurl::cluster
