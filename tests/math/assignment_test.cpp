#include "uncurl/math/assignment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "uncurl/base/error.h"
#include "uncurl/base/random.h"

namespace uncurl::math {
namespace {

using Scores = std::vector<float>;

Scores normal_scores(int n, Rng& rng) {
  Scores scores(static_cast<std::size_t>(n * n));
  for (float& score : scores) score = static_cast<float>(rng.normal());
  return scores;
}

Scores small_integer_scores(int n, Rng& rng) {
  Scores scores(static_cast<std::size_t>(n * n));
  for (float& score : scores) score = static_cast<float>(rng.below(3));
  return scores;
}

Permutation random_permutation(int n, Rng& rng) {
  std::vector<int> rows(static_cast<std::size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  for (int i = n - 1; i > 0; --i) std::swap(rows[i], rows[rng.below(static_cast<std::uint64_t>(i) + 1)]);
  return Permutation(rows);
}

double best_by_trying_all(const Scores& scores, int n) {
  std::vector<int> rows(static_cast<std::size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  double best = -std::numeric_limits<double>::infinity();
  do {
    best = std::max(best, assignment_score(scores, Permutation(rows)));
  } while (std::next_permutation(rows.begin(), rows.end()));
  return best;
}

// Numbers that Python makes as well: x = (1664525 x + 1013904223) mod 2^32, (x >> 16) / 2^15 - 1, exact in fp32.
std::vector<double> congruential(std::size_t count, std::uint32_t seed) {
  std::vector<double> values(count);
  for (double& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<double>(seed >> 16) / 32768 - 1;
  }
  return values;
}

Scores uniform_scores(int n, std::uint32_t seed) {
  const std::vector<double> values = congruential(static_cast<std::size_t>(n * n), seed);
  return Scores(values.begin(), values.end());
}

// a b^T of a, b [n,4], which are whole numbers up to 64: the scores of neurons that share a few strong directions.
Scores rank_four_scores(int n, std::uint32_t seed) {
  const std::vector<double> values = congruential(static_cast<std::size_t>(8 * n), seed);
  Scores scores(static_cast<std::size_t>(n * n));
  for (int a = 0; a < n; ++a) {
    for (int b = 0; b < n; ++b) {
      for (int k = 0; k < 4; ++k) {
        const double product = std::nearbyint(values[4 * a + k] * 64) * std::nearbyint(values[4 * (n + b) + k] * 64);
        scores[a * n + b] += static_cast<float>(product);
      }
    }
  }
  return scores;
}

double best_score(const Scores& scores, int n) { return assignment_score(scores, maximize_assignment(scores, n)); }

TEST(Assignment, EqualsTheBestOfAllPermutationsUpToSeven) {
  Rng rng(1);
  for (int n = 1; n <= 7; ++n) {
    for (int trial = 0; trial < 20; ++trial) {
      const Scores scores = normal_scores(n, rng);
      // Both are sums of the same fp32 numbers; only the order of two nearly equal permutations could differ.
      EXPECT_NEAR(best_score(scores, n), best_by_trying_all(scores, n), 1e-12) << "n = " << n;
    }
  }
}

TEST(Assignment, EqualsTheBestOfAllPermutationsAmongManyTies) {
  Rng rng(2);
  for (int n = 2; n <= 7; ++n) {
    for (int trial = 0; trial < 20; ++trial) {
      const Scores scores = small_integer_scores(n, rng);
      EXPECT_EQ(best_score(scores, n), best_by_trying_all(scores, n)) << "n = " << n;
    }
  }
}

// The objectives of scipy.optimize.linear_sum_assignment(scores, maximize=True), SciPy 1.17, on the same matrices made
// in Python. All scores are multiples of 2^-15 below 2^15, so the sums are exact.
TEST(Assignment, ReachesTheObjectiveOfSciPyOnUniformScores) {
  EXPECT_EQ(best_score(uniform_scores(33, 1), 33), 30.688934326171875);
  EXPECT_EQ(best_score(uniform_scores(150, 2), 150), 146.80206298828125);
  EXPECT_EQ(best_score(uniform_scores(400, 3), 400), 396.7729187011719);
}

TEST(Assignment, ReachesTheObjectiveOfSciPyOnScoresOfLowRank) {
  EXPECT_EQ(best_score(rank_four_scores(33, 4), 33), 150338);
  EXPECT_EQ(best_score(rank_four_scores(150, 5), 150), 740718);
  EXPECT_EQ(best_score(rank_four_scores(400, 6), 400), 2105099);
}

// As above, with each row four times (row a / 4 * 4 of the matrix before): three of four rows cannot have the column
// they want most, and many are left to the shortest paths.
TEST(Assignment, ReachesTheObjectiveOfSciPyOnRepeatedRows) {
  const auto best_of_repeated_rows = [](int n, std::uint32_t seed) {
    const Scores scores = rank_four_scores(n, seed);
    Scores repeated;
    for (int a = 0; a < n; ++a) {
      const auto row = scores.begin() + a / 4 * 4 * n;
      repeated.insert(repeated.end(), row, row + n);
    }
    return best_score(repeated, n);
  };
  EXPECT_EQ(best_of_repeated_rows(200, 7), 895960);
  EXPECT_EQ(best_of_repeated_rows(320, 8), 1591700);
}

// The rearrangement inequality: sum_a x[a] y[p[a]] is largest when the largest x meets the largest y. Every score is a
// near-tie of many others, so that the bidding gives up and the shortest paths do the work.
TEST(Assignment, PairsTheLargestWithTheLargestWhenScoresAreProducts) {
  Rng rng(7);
  constexpr int n = 150;
  const Permutation x = random_permutation(n, rng), y = random_permutation(n, rng);
  Scores scores(n * n);
  for (int a = 0; a < n; ++a) {
    for (int b = 0; b < n; ++b) scores[a * n + b] = static_cast<float>(x[a] * y[b]);
  }
  const Permutation best = maximize_assignment(scores, n);
  for (int a = 0; a < n; ++a) EXPECT_EQ(y[best[a]], x[a]);
}

// Row p[a] of the other expert is made row a of the anchor, with noise. So the assignment must be p, not its inverse.
TEST(Assignment, UndoesAKnownShuffle) {
  Rng rng(3);
  constexpr int n = 120, width = 64;
  const Permutation shuffle = random_permutation(n, rng);
  ASSERT_NE(shuffle, shuffle.inverse());
  std::vector<double> anchor(n * width), other(n * width);
  for (double& value : anchor) value = rng.normal();
  for (int a = 0; a < n; ++a) {
    for (int k = 0; k < width; ++k) other[shuffle[a] * width + k] = anchor[a * width + k] + 0.5 * rng.normal();
  }
  Scores scores(n * n);
  for (int a = 0; a < n; ++a) {
    for (int b = 0; b < n; ++b) {
      scores[a * n + b] = static_cast<float>(
          std::inner_product(&anchor[a * width], &anchor[a * width] + width, &other[b * width], 0.0));
    }
  }
  EXPECT_EQ(maximize_assignment(scores, n), shuffle);
}

// By hand: row 0 wants column 1, row 1 column 2, row 2 column 0.
TEST(Assignment, ReturnsForEachRowItsColumn) {
  const Scores scores = {0, 5, 0,  //
                         0, 0, 5,  //
                         5, 0, 0};
  EXPECT_THAT(maximize_assignment(scores, 3).rows(), testing::ElementsAre(1, 2, 0));
}

TEST(Assignment, KeepsTheIdentityWhereAllScoresAreEqual) {
  EXPECT_TRUE(maximize_assignment(Scores(90 * 90, -0.1f), 90).is_identity());
}

TEST(Assignment, KeepsTheIdentityAmongTwinNeurons) {
  Rng rng(4);
  constexpr int n = 60;
  std::vector<double> neurons(n * 8);
  for (std::size_t i = 0; i < neurons.size(); i += 16) {  // neurons 2i and 2i+1 are the same
    for (std::size_t k = 0; k < 8; ++k) neurons[i + k] = neurons[i + 8 + k] = rng.normal();
  }
  Scores scores(n * n);
  for (int a = 0; a < n; ++a) {
    for (int b = 0; b < n; ++b) {
      scores[a * n + b] =
          static_cast<float>(std::inner_product(&neurons[a * 8], &neurons[a * 8] + 8, &neurons[b * 8], 0.0));
    }
  }
  EXPECT_TRUE(maximize_assignment(scores, n).is_identity());
}

TEST(Assignment, LeavesTheIdentityForTheSmallestGainThatFp32CanExpress) {
  Scores scores(100 * 100, 0);
  for (int a = 0; a < 100; ++a) scores[a * 100 + a] = 1;
  scores[0 * 100 + 1] = 1;
  scores[1 * 100 + 0] = std::nextafter(1.0f, 2.0f);
  const Permutation best = maximize_assignment(scores, 100);
  EXPECT_EQ(best[0], 1);
  EXPECT_EQ(best[1], 0);
}

// Adding a constant to a row or a column adds it to every permutation alike.
TEST(Assignment, DoesNotChangeWhenRowsAndColumnsAreShifted) {
  Rng rng(5);
  constexpr int n = 80;
  const Scores scores = normal_scores(n, rng);
  Scores shifted = scores;
  for (int a = 0; a < n; ++a) {
    for (int b = 0; b < n; ++b) shifted[a * n + b] += static_cast<float>(a % 7) - 3 * static_cast<float>(b % 5);
  }
  EXPECT_EQ(maximize_assignment(shifted, n), maximize_assignment(scores, n));
}

TEST(Assignment, TakesScoresNearTheEndOfTheFp32Range) {
  const float large = std::numeric_limits<float>::max();
  EXPECT_THAT(maximize_assignment(Scores{-large, large, large, -large}, 2).rows(), testing::ElementsAre(1, 0));
}

TEST(Assignment, OfNothingIsEmpty) { EXPECT_EQ(maximize_assignment({}, 0).size(), 0); }

TEST(Assignment, RefusesAScoreThatIsNotFiniteAndSaysWhere) {
  Scores scores(9, 1);
  scores[5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT([&] { (void)maximize_assignment(scores, 3); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("[1,2]")));
  scores[5] = -std::numeric_limits<float>::infinity();
  EXPECT_THROW((void)maximize_assignment(scores, 3), Error);
}

TEST(Assignment, RefusesAMatrixThatIsNotSquare) { EXPECT_THROW((void)maximize_assignment(Scores(6), 3), Error); }

TEST(Permutation, RefusesWhatIsNotABijection) {
  EXPECT_THAT(
      [] {
        Permutation({0, 2, 2});
      },
      testing::ThrowsMessage<Error>(testing::HasSubstr("row 2 is taken twice")));
  EXPECT_THROW(Permutation({0, 3, 1}), Error);
  EXPECT_THROW(Permutation({0, -1}), Error);
}

TEST(Permutation, FollowedByItsInverseIsTheIdentity) {
  Rng rng(6);
  const Permutation p = random_permutation(50, rng);
  const Permutation q = p.inverse();
  for (int a = 0; a < 50; ++a) EXPECT_EQ(q[p[a]], a);
  EXPECT_FALSE(p.is_identity());
  EXPECT_TRUE(Permutation::identity(50).is_identity());
}

}  // namespace
}  // namespace uncurl::math
