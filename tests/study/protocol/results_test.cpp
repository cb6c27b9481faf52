#include "uncurl/study/protocol/results.h"

#include <gtest/gtest.h>

#include <cmath>

namespace uncurl::study {
namespace {

// loss = 10 - log(parameters), which is linear in the logarithm: the size follows exactly.
TEST(ParametersOfEqualLoss, InvertTheDenseCurve) {
  const std::vector<std::pair<double, double>> curve = {
      {1e6, 10 - std::log(1e6)}, {1e4, 10 - std::log(1e4)}, {1e5, 10 - std::log(1e5)}};
  for (const double parameters : {1e4, 2e4, 1e5, 7e5, 1e6}) {
    const std::optional<double> found = parameters_of_equal_loss(curve, 10 - std::log(parameters));
    ASSERT_TRUE(found.has_value());
    EXPECT_NEAR(*found, parameters, 1e-6 * parameters);
  }
}

TEST(ParametersOfEqualLoss, SayNothingOutsideOfTheCurve) {
  const std::vector<std::pair<double, double>> curve = {{1e4, 3}, {1e5, 2}};
  EXPECT_FALSE(parameters_of_equal_loss(curve, 1.99));
  EXPECT_FALSE(parameters_of_equal_loss(curve, 3.01));
  EXPECT_FALSE(parameters_of_equal_loss({{1e4, 3}}, 3));
}

}  // namespace
}  // namespace uncurl::study
