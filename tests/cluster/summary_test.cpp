#include "uncurl/cluster/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "uncurl/base/error.h"

namespace uncurl::cluster {
namespace {

TEST(Summary, CountsGroupsFromTheLargest) {
  EXPECT_THAT(group_sizes({0, 1, 1, 2, 1, 2}), testing::ElementsAre(3, 2, 1));
  EXPECT_DOUBLE_EQ(largest_share({0, 1, 1, 2, 1, 2}), 0.5);
  EXPECT_EQ(largest_share({}), 0);
}

// sklearn.metrics.adjusted_rand_score, scikit-learn 1.9.1
TEST(AdjustedRandIndex, EqualsScikitLearn) {
  EXPECT_NEAR(adjusted_rand_index({0, 0, 1, 1, 2, 2}, {0, 0, 0, 1, 1, 1}), 0.24242424242424243, 1e-15);
  EXPECT_NEAR(adjusted_rand_index({0, 0, 1, 1}, {0, 1, 0, 1}), -0.5, 1e-15);
  EXPECT_NEAR(adjusted_rand_index({0, 1, 2, 0, 1, 2, 0}, {0, 1, 1, 0, 2, 2, 1}), -0.05, 1e-15);
}

TEST(AdjustedRandIndex, OfTheSameGroupingIsOneWhateverTheNumbers) {
  EXPECT_EQ(adjusted_rand_index({0, 1, 1, 2}, {5, 3, 3, 0}), 1);
  EXPECT_EQ(adjusted_rand_index({0, 1, 2}, {2, 1, 0}), 1);
  EXPECT_EQ(adjusted_rand_index({0, 0, 0}, {1, 1, 1}), 1);
}

TEST(AdjustedRandIndex, RefusesGroupingsOfDifferentItems) {
  EXPECT_THROW(adjusted_rand_index({0, 1}, {0, 1, 1}), Error);
}

}  // namespace
}  // namespace uncurl::cluster
