// The clusterings there are: to add one, write a file beside this one and a row in table.cpp.
#pragma once

#include <string>
#include <vector>

#include "uncurl/cluster/clustering.h"

namespace uncurl::cluster {

struct Algorithm {
  std::string name;
  std::string description;  ///< one line
  std::string source;       ///< the paper
  bool uses_affinity;       ///< looks at Items::affinity, otherwise at Items::points
  bool draws;               ///< runs k-means from random seeds: num_restarts and the state of `rng` have an effect
  bool limits_size;         ///< can hold groups below a max_cluster_size
  bool has_laplacian;
  /// Labels in any numbering, exactly num_groups groups. `items` and `options` have been checked by cluster().
  Labels (*function)(const Items& items, int num_groups, const ClusterOptions& options, Rng& rng);
};

const std::vector<Algorithm>& algorithms();

/// @throws Error that lists the names there are
const Algorithm& find_algorithm(const std::string& name);

}  // namespace uncurl::cluster
