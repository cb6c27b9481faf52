#include "uncurl/cluster/algorithms/spectral.h"

#include <ATen/ATen.h>

#include <tuple>

#include "uncurl/base/error.h"
#include "uncurl/cluster/algorithms/kmeans.h"

namespace uncurl::cluster {
namespace {

struct Graph {
  Tensor weights_EE;  // without loops
  Tensor degrees_E;
  Tensor isolated_E;  // 1 where the degree is 0, else 0
};

Graph graph_of(const Tensor& affinity_EE) {
  Tensor weights_EE = affinity_EE.to(at::kDouble, /*non_blocking=*/false, /*copy=*/true);
  weights_EE.fill_diagonal_(0);
  const Tensor degrees_E = weights_EE.sum(/*dim=*/1);
  return {weights_EE, degrees_E, degrees_E.eq(0).to(at::kDouble)};
}

// The symmetric matrix whose eigenvectors of largest eigenvalue tell the groups apart.
Tensor operator_of(const Graph& graph, Laplacian laplacian) {
  if (laplacian == Laplacian::kUnnormalised) return graph.weights_EE - graph.degrees_E.diag();
  const Tensor scale_E = (graph.degrees_E + graph.isolated_E).rsqrt();
  const Tensor normalised_EE = graph.weights_EE * scale_E.unsqueeze(0) * scale_E.unsqueeze(1);
  return laplacian == Laplacian::kNjw ? normalised_EE + graph.isolated_E.diag() : normalised_EE;
}

Tensor leading_eigenvectors(const Tensor& matrix_EE, int count) {
  const Tensor vectors_EE = std::get<1>(at::linalg_eigh(matrix_EE));  // eigenvalues ascend
  const Tensor leading_EG = vectors_EE.slice(/*dim=*/1, vectors_EE.size(1) - count).flip(/*dims=*/1);
  const Tensor largest_1G = leading_EG.abs().argmax(/*dim=*/0, /*keepdim=*/true);
  return leading_EG * leading_EG.gather(/*dim=*/0, largest_1G).sign();
}

}  // namespace

const std::vector<Named<Laplacian>>& laplacian_names() {
  static const std::vector<Named<Laplacian>> names = {
      {"njw", "normalised, rows of the eigenvectors scaled to length 1 (Ng, Jordan and Weiss 2001)", Laplacian::kNjw},
      {"sklearn", "normalised, rows divided by sqrt(degree), as scikit-learn does", Laplacian::kSklearn},
      {"unnormalised", "degree minus affinity", Laplacian::kUnnormalised},
  };
  return names;
}

Tensor spectral_embedding(const Tensor& affinity_EE, int num_groups, Laplacian laplacian) {
  const Graph graph = graph_of(affinity_EE);
  const Tensor vectors_EG = leading_eigenvectors(operator_of(graph, laplacian), num_groups);
  switch (laplacian) {
    case Laplacian::kNjw: {
      const Tensor norms_E1 = vectors_EG.norm(2, /*dim=*/1, /*keepdim=*/true);
      return vectors_EG / norms_E1.where(norms_E1 > 0, 1);
    }
    case Laplacian::kSklearn:
      return vectors_EG / (graph.degrees_E + graph.isolated_E).sqrt().unsqueeze(1);
    case Laplacian::kUnnormalised:
      return vectors_EG;
  }
  fail("unknown laplacian");
}

Labels spectral_clustering(const Items& items, int num_groups, const ClusterOptions& options, Rng& rng) {
  const Tensor points_EG = spectral_embedding(items.affinity, num_groups, options.laplacian.value_or(Laplacian::kNjw));
  return kmeans(points_EG, num_groups,
                {.num_restarts = options.num_restarts, .max_group_size = options.max_cluster_size}, rng);
}

}  // namespace uncurl::cluster
