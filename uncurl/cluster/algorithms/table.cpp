#include "uncurl/cluster/algorithms/table.h"

#include "uncurl/base/error.h"
#include "uncurl/cluster/algorithms/agglomerative.h"
#include "uncurl/cluster/algorithms/balanced.h"
#include "uncurl/cluster/algorithms/kmeans.h"
#include "uncurl/cluster/algorithms/spectral.h"

namespace uncurl::cluster {

const std::vector<Algorithm>& algorithms() {
  static const std::vector<Algorithm> table = {
      {.name = "spectral",
       .description = "eigenvectors of the affinity's Laplacian, then k-means on them",
       .source = "Ng, Jordan and Weiss 2001; Sarkar et al. 2024 (arXiv 2409.01483)",
       .uses_affinity = true,
       .draws = true,
       .limits_size = true,
       .has_laplacian = true,
       .function = spectral_clustering},
      {.name = "kmeans",
       .description = "k-means on the points themselves",
       .source = "Lloyd 1982; Arthur and Vassilvitskii 2007",
       .draws = true,
       .limits_size = true,
       .function = kmeans_clustering},
      {.name = "agglomerative-single",
       .description = "the two groups with the nearest members become one, until enough are left",
       .source = "Lance and Williams 1967",
       .function = agglomerative_single},
      {.name = "agglomerative-average",
       .description = "the same by the mean distance of members",
       .source = "Lance and Williams 1967; HC-SMoE, Chen et al. 2024 (arXiv 2410.08589)",
       .function = agglomerative_average},
      {.name = "agglomerative-complete",
       .description = "the same by the distance of the farthest members",
       .source = "Lance and Williams 1967",
       .function = agglomerative_complete},
      {.name = "agglomerative-ward",
       .description = "the same by what a merge adds to the squared distances from the groups' means",
       .source = "Ward 1963",
       .function = agglomerative_ward},
      {.name = "balanced",
       .description = "k-means into groups of equal size",
       .source = "Malinen and Franti 2014",
       .draws = true,
       .function = balanced_clustering},
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
