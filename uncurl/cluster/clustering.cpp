#include "uncurl/cluster/clustering.h"

#include <ATen/ATen.h>

#include <cstddef>
#include <cstdint>
#include <map>

#include "uncurl/base/error.h"
#include "uncurl/cluster/algorithms/table.h"
#include "uncurl/cluster/summary.h"
#include "uncurl/tensor/shape.h"
#include "uncurl/tensor/threads.h"

namespace uncurl::cluster {
namespace {

void check_matrix(const Tensor& values, const char* what) {
  check(values.dim() == 2 && values.numel() > 0, what, " to cluster are ", shape_text(values.sizes()),
        ", expected a row per expert");
  check(values.isfinite().all().item<bool>(), what, " to cluster hold NaN or infinity");
}

std::int64_t check_items(const Items& items) {
  check(items.points.defined() || items.affinity.defined(), "nothing to cluster: neither points nor affinities");
  if (items.points.defined()) check_matrix(items.points, "points");
  if (!items.affinity.defined()) return items.points.size(0);

  check_matrix(items.affinity, "affinities");
  const std::int64_t num_items = (items.points.defined() ? items.points : items.affinity).size(0);
  expect_shape(items.affinity, {num_items, num_items}, "matrix of affinities to cluster");
  check(items.affinity.ge(0).all().item<bool>(), "affinities to cluster are negative, expected 0 or more");
  check(at::allclose(items.affinity, items.affinity.t(), /*rtol=*/1e-9, /*atol=*/1e-12),
        "the matrix of affinities to cluster is not symmetric");
  return num_items;
}

void check_options(std::int64_t num_items, int num_groups, const ClusterOptions& options) {
  check(num_groups >= 1 && num_groups <= num_items, "cannot make ", num_groups, " groups of ", num_items,
        " experts, expected 1 to ", num_items);
  check(options.num_restarts >= 1, "num_restarts is ", options.num_restarts, ", expected 1 or more");
  const std::int64_t room = std::int64_t{options.max_cluster_size} * num_groups;
  check(options.max_cluster_size >= 0 && (options.max_cluster_size == 0 || room >= num_items), "max_cluster_size is ",
        options.max_cluster_size, ", so ", num_groups, " groups hold ", room, " experts at most, but there are ",
        num_items, "; expected ", (num_items + num_groups - 1) / num_groups, " or more, or 0 for no limit");
}

/// What this algorithm needs and what it cannot do.
void check_algorithm(const Algorithm& algorithm, const Items& items, const ClusterOptions& options) {
  const bool given = (algorithm.uses_affinity ? items.affinity : items.points).defined();
  check(given, "clustering '", algorithm.name, "' needs ",
        algorithm.uses_affinity ? "affinities between experts, but only points are" : "points, but only affinities are",
        " given; choose '", algorithm.uses_affinity ? "kmeans" : "spectral", "'");
  check(algorithm.has_laplacian || !options.laplacian.has_value(), "clustering '", algorithm.name,
        "' has no laplacian; leave the option out or choose 'spectral'");
  check(algorithm.limits_size || options.max_cluster_size == 0, "clustering '", algorithm.name,
        "' cannot hold groups to a max_cluster_size; leave the option out or choose 'spectral' or 'kmeans'");
}

}  // namespace

Labels canonical(const Labels& labels) {
  std::map<int, int> number_of;
  Labels renumbered(labels.size());
  for (std::size_t item = 0; item < labels.size(); ++item) {
    const int next = static_cast<int>(number_of.size());
    renumbered[item] = number_of.try_emplace(labels[item], next).first->second;
  }
  return renumbered;
}

Labels cluster(const Items& items, int num_groups, const ClusterOptions& options, Rng& rng) {
  const SingleThread single_thread;
  const std::int64_t num_items = check_items(items);
  check_options(num_items, num_groups, options);
  const Algorithm& algorithm = find_algorithm(options.algorithm);
  check_algorithm(algorithm, items, options);
  const Labels labels = canonical(algorithm.function(items, num_groups, options, rng));

  const std::vector<int> sizes = group_sizes(labels);
  check(sizes.size() == static_cast<std::size_t>(num_groups), "clustering '", algorithm.name, "' returned ",
        sizes.size(), " groups, expected ", num_groups, "; this is a bug of uncurl, please report it");
  check(options.max_cluster_size == 0 || sizes.front() <= options.max_cluster_size, "clustering '", algorithm.name,
        "' returned a group of ", sizes.front(), ", expected at most ", options.max_cluster_size,
        "; this is a bug of uncurl, please report it");
  return labels;
}

}  // namespace uncurl::cluster
