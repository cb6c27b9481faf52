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
  /// Labels in any numbering, exactly num_groups groups. `items` and `options` have been checked by cluster().
  /// @throws Error if `items` lacks what the algorithm looks at, or an option that it does not have is set
  Labels (*function)(const Items& items, int num_groups, const ClusterOptions& options, Rng& rng);
};

const std::vector<Algorithm>& algorithms();

/// @throws Error that lists the names there are
const Algorithm& find_algorithm(const std::string& name);

}  // namespace uncurl::cluster
