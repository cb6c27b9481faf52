#include "uncurl/cluster/algorithms/table.h"

#include "uncurl/base/error.h"
#include "uncurl/cluster/algorithms/kmeans.h"
#include "uncurl/cluster/algorithms/spectral.h"

namespace uncurl::cluster {

const std::vector<Algorithm>& algorithms() {
  static const std::vector<Algorithm> table = {
      {"spectral", "eigenvectors of the affinity's Laplacian, then k-means on them",
       "Ng, Jordan and Weiss 2001; Sarkar et al. 2024 (arXiv 2409.01483)", spectral_clustering},
      {"kmeans", "k-means on the points themselves", "Lloyd 1982; Arthur and Vassilvitskii 2007", kmeans_clustering},
  };
  return table;
}

const Algorithm& find_algorithm(const std::string& name) {
  std::string known;
  for (const Algorithm& algorithm : algorithms()) {
    if (algorithm.name == name) return algorithm;
    known += (known.empty() ? "" : ", ") + algorithm.name;
  }
  fail("there is no clustering '", name, "'; there is ", known);
}

}  // namespace uncurl::cluster
