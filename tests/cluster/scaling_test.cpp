#include "uncurl/cluster/scaling.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/cluster/planted.h"
#include "tests/support/expect_near.h"

namespace uncurl::cluster {
namespace {

// Vectors far from 0 and longer than there are of them: what mean outputs of experts are like.
TEST(Scaling, KeepsTheDistances) {
  const Tensor vectors = 10 + congruential(20 * 50, 1).view({20, 50});
  const Tensor points = points_of_gram(vectors.mm(vectors.t()));
  EXPECT_EQ(points.sizes(), at::IntArrayRef({20, 20}));
  test::expect_near(at::cdist(points, points), at::cdist(vectors, vectors), 1e-5);  // sqrt(eps) * |vector|
  test::expect_near(points.mean(0), at::zeros({20}, at::kDouble), 1e-5);
}

TEST(Scaling, PutsEqualVectorsAtOnePoint) {
  const Tensor vectors = at::ones({4, 3}, at::kDouble);
  test::expect_near(points_of_gram(vectors.mm(vectors.t())), at::zeros({4, 4}, at::kDouble), 1e-7);
}

}  // namespace
}  // namespace uncurl::cluster
