#include "uncurl/cluster/algorithms/spectral.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cluster/planted.h"
#include "uncurl/base/error.h"

namespace uncurl::cluster {
namespace {

constexpr Laplacian kAll[] = {Laplacian::kNjw, Laplacian::kSklearn, Laplacian::kUnnormalised};

Labels spectral(const Tensor& affinity_EE, int num_groups, Laplacian laplacian, std::uint64_t seed = 0) {
  Rng rng(seed);
  return cluster({.affinity = affinity_EE}, num_groups, {.laplacian = laplacian}, rng);
}

class Spectral : public testing::TestWithParam<Laplacian> {};
INSTANTIATE_TEST_SUITE_P(Laplacians, Spectral, testing::ValuesIn(kAll));

TEST_P(Spectral, FindsPlantedGroups) {
  EXPECT_EQ(spectral(planted_affinity(40, 7, 0.3, 1).pow(8), 4, GetParam()), planted_labels(40, 7));
  EXPECT_EQ(spectral(planted_affinity(64, 11, 0.3, 2).pow(8), 6, GetParam()), planted_labels(64, 11));
}

TEST(SpectralNjw, FindsPlantedGroupsInFlatAffinities) {
  EXPECT_EQ(spectral(planted_affinity(40, 7, 0.3, 1), 4, Laplacian::kNjw), planted_labels(40, 7));
  EXPECT_EQ(spectral(planted_affinity(64, 11, 0.3, 2), 6, Laplacian::kNjw), planted_labels(64, 11));
}

TEST_P(Spectral, FindsBlocksWithoutAnyAffinityBetweenThem) {
  const Tensor affinity_EE = at::block_diag(
      {at::ones({3, 3}, at::kDouble), at::full({5, 5}, 0.4, at::kDouble), at::full({2, 2}, 0.7, at::kDouble)});
  EXPECT_THAT(spectral(affinity_EE, 3, GetParam()), testing::ElementsAre(0, 0, 0, 1, 1, 1, 1, 1, 2, 2));
}

TEST_P(Spectral, FollowsTheOrderOfTheItems) {
  const Tensor affinity_EE = planted_affinity(40, 7, 0.3, 1).pow(8);
  const Tensor order = (at::arange(40) * 17 + 5).remainder(40);  // 17 and 40 have no common factor
  const Labels labels = spectral(affinity_EE, 4, GetParam());
  Labels expected;
  for (int item = 0; item < 40; ++item) expected.push_back(labels[(item * 17 + 5) % 40]);
  const Tensor reordered_EE = affinity_EE.index_select(0, order).index_select(1, order);
  EXPECT_EQ(spectral(reordered_EE, 4, GetParam()), canonical(expected));
}

TEST_P(Spectral, IgnoresTheDiagonal) {
  const Tensor affinity_EE = planted_affinity(40, 7, 0.3, 1);
  const Tensor other_EE = affinity_EE + at::arange(40, at::kDouble).diag();
  EXPECT_TRUE(spectral_embedding(affinity_EE, 4, GetParam()).equal(spectral_embedding(other_EE, 4, GetParam())));
}

// sklearn.cluster.SpectralClustering(G, affinity='precomputed', assign_labels='kmeans', random_state=r), scikit-learn
// 1.9.1, on the affinities of planted.h made in Python; the same labels for r = 0 to 4. The noise is so strong that
// they are not the planted groups (adjusted Rand index 0.89 and 0.96).
TEST(SpectralSklearn, GivesTheLabelsOfScikitLearn) {
  const Labels sklearn_40 = {0, 1, 2, 3, 3, 2, 1, 2, 0, 2, 3, 3, 2, 1, 0, 1, 2, 3, 3, 2,
                             1, 0, 1, 2, 3, 3, 2, 1, 0, 1, 2, 3, 3, 2, 1, 0, 1, 2, 3, 3};
  EXPECT_EQ(spectral(planted_affinity(40, 7, 0.8, 1), 4, Laplacian::kSklearn), sklearn_40);
  const Labels sklearn_64 = {0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1,
                             0, 2, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1,
                             0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 5, 4, 3};
  EXPECT_EQ(spectral(planted_affinity(64, 11, 0.5, 2), 6, Laplacian::kSklearn), sklearn_64);
}

// numpy.linalg.eigh of D - S and sklearn.cluster.KMeans(4, n_init=10, random_state=0) on the first four eigenvectors.
// It splits off single items of low degree, which is what this laplacian does with flat affinities.
TEST(SpectralUnnormalised, GivesTheLabelsOfNumPyAndScikitLearn) {
  const Labels expected = {0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 1, 0,
                           0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 3, 1, 0, 0, 0, 0, 0, 1, 1};
  EXPECT_EQ(spectral(planted_affinity(40, 7, 0.3, 1), 4, Laplacian::kUnnormalised), expected);
}

// By hand: a pair of affinity 1 and a pair of affinity 0.25, nothing between. Each pair is a component, whose
// normalised affinity has the eigenvalue 1 twice over, so the rows lie on two orthogonal directions.
TEST(SpectralNjw, PutsComponentsOnOrthogonalUnitVectors) {
  const Tensor pair_22 = at::ones({2, 2}, at::kDouble);
  const Tensor embedding_EG = spectral_embedding(at::block_diag({pair_22, pair_22 * 0.25}), 2, Laplacian::kNjw);
  const Tensor products_EE = embedding_EG.mm(embedding_EG.t());
  EXPECT_TRUE(at::allclose(products_EE, at::block_diag({pair_22, pair_22}), /*rtol=*/0, /*atol=*/1e-12));
}

// Three components, the first of two halves that hang together by 0.05: an eigenvalue of about 0.9, below the 1 of a
// component, but above the 0 that the lonely item would have if it did not count as one.
TEST(SpectralNjw, MakesAnItemWithoutAffinityAGroupOfItsOwn) {
  const Tensor half_44 = at::ones({4, 4}, at::kDouble);
  const Tensor halves_88 = at::block_diag({half_44, half_44}).clamp_min(0.05);
  const Tensor affinity_EE = at::block_diag({halves_88, at::zeros({1, 1}, at::kDouble), at::ones({3, 3}, at::kDouble)});
  EXPECT_THAT(spectral(affinity_EE, 3, Laplacian::kNjw), testing::ElementsAre(0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 2, 2));
}

// The eigenvalue equation, checked by multiplying out: D^-1/2 S D^-1/2 v = lambda v, with lambda falling.
TEST(SpectralSklearn, EmbedsByEigenvectorsOfTheRandomWalk) {
  Tensor weights_EE = planted_affinity(40, 7, 0.8, 1);
  const Tensor embedding_EG = spectral_embedding(weights_EE, 5, Laplacian::kSklearn);
  weights_EE.fill_diagonal_(0);
  const Tensor walked_EG = (weights_EE / weights_EE.sum(1, true)).mm(embedding_EG);
  const Tensor eigenvalues_G = (walked_EG * embedding_EG).sum(0) / (embedding_EG * embedding_EG).sum(0);
  EXPECT_TRUE(at::allclose(walked_EG, embedding_EG * eigenvalues_G, /*rtol=*/0, /*atol=*/1e-12));
  EXPECT_TRUE(eigenvalues_G.slice(0, 0, 4).gt(eigenvalues_G.slice(0, 1)).all().item<bool>());
  EXPECT_NEAR(eigenvalues_G.select(0, 0).item<double>(), 1, 1e-12);
}

TEST(SpectralEmbedding, HasAPositiveLargestEntryInEachEigenvector) {
  const Tensor embedding_EG = spectral_embedding(planted_affinity(64, 11, 0.5, 2), 8, Laplacian::kUnnormalised);
  EXPECT_TRUE(embedding_EG.amax(0).gt(-embedding_EG.amin(0)).all().item<bool>());
}

TEST(SpectralClustering, RefusesPointsAlone) {
  Rng rng(0);
  EXPECT_THAT([&] { (void)cluster({.points = planted_points(10, 3, 0.1, 1)}, 2, {}, rng); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("needs affinities between experts")));
}

}  // namespace
}  // namespace uncurl::cluster
