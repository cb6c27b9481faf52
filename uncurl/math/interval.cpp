#include "uncurl/math/interval.h"

#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>

#include "uncurl/base/error.h"

namespace uncurl::math {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// P(|T| < t) for an integer number of degrees of freedom: Abramowitz and Stegun 26.7.3 and 26.7.4.
double central_probability(double t, std::int64_t degrees) {
  const double angle = std::atan(t / std::sqrt(static_cast<double>(degrees)));
  const double cosine = std::cos(angle), sine = std::sin(angle);
  const bool odd = degrees % 2 == 1;
  double term = odd ? cosine : 1;
  double sum = degrees == 1 ? 0 : term;
  for (std::int64_t k = odd ? 3 : 2; k <= degrees - 2; k += 2) {
    term *= cosine * cosine * static_cast<double>(k - 1) / static_cast<double>(k);
    sum += term;
  }
  return odd ? 2 / std::numbers::pi * (angle + sine * sum) : sine * sum;
}

double solve_for_quantile(std::int64_t degrees, double probability) {
  double low = 0, high = 13;  // of the quantiles asked for, 12.71 is the largest: 0.975 for one degree of freedom
  while (true) {
    const double middle = (low + high) / 2;
    if (middle == low || middle == high) return middle;
    (central_probability(middle, degrees) < 2 * probability - 1 ? low : high) = middle;
  }
}

// The expansion around the normal quantile: Abramowitz and Stegun 26.7.5. The first term left out is below 1e-10.
double expand_quantile(double degrees, double z) {
  const double z3 = z * z * z, z5 = z3 * z * z;
  const double first = (z3 + z) / 4, second = (5 * z5 + 16 * z3 + 3 * z) / 96;
  const double third = (3 * z5 * z * z + 19 * z5 + 17 * z3 - 15 * z) / 384;
  return z + (first + (second + third / degrees) / degrees) / degrees;
}

/// @param normal  the same quantile of the normal distribution
double student_t(std::int64_t degrees, double probability, double normal) {
  if (degrees < 1) return kInfinity;
  return degrees <= 1000 ? solve_for_quantile(degrees, probability)
                         : expand_quantile(static_cast<double>(degrees), normal);
}

void check_row(std::size_t row, double numerator, double denominator) {
  check(std::isfinite(numerator) && std::isfinite(denominator) && denominator >= 0, "row ", row, " has ", numerator,
        " over ", denominator, ", expected finite numbers and a denominator of 0 or more");
}

}  // namespace

double student_t_975(std::int64_t degrees_of_freedom) {
  return student_t(degrees_of_freedom, 0.975, 1.959963984540054);
}

double student_t_80(std::int64_t degrees_of_freedom) { return student_t(degrees_of_freedom, 0.8, 0.8416212335729143); }

Estimate ratio_estimate(std::span<const double> numerators, std::span<const double> denominators) {
  check(numerators.size() == denominators.size(), "an estimate over ", numerators.size(), " numerators and ",
        denominators.size(), " denominators, expected as many of one as of the other");
  double total = 0, total_denominator = 0;
  for (std::size_t row = 0; row < numerators.size(); ++row) {
    check_row(row, numerators[row], denominators[row]);
    total += numerators[row];
    total_denominator += denominators[row];
  }
  check(total_denominator > 0, "an estimate over ", numerators.size(),
        " rows whose denominators sum to 0: there is nothing to take the mean of");

  const double mean = total / total_denominator;
  const auto rows = static_cast<std::int64_t>(numerators.size());
  const std::int64_t n = std::llround(total_denominator);
  if (rows == 1) return {.mean = mean, .low = -kInfinity, .high = kInfinity, .n = n};

  double squares = 0;
  for (std::size_t row = 0; row < numerators.size(); ++row) {
    const double residual = numerators[row] - mean * denominators[row];
    squares += residual * residual;
  }
  const double num_rows = static_cast<double>(rows);
  const double standard_error = std::sqrt(num_rows / (num_rows - 1) * squares) / total_denominator;
  const double half_width = student_t_975(rows - 1) * standard_error;
  return {.mean = mean, .low = mean - half_width, .high = mean + half_width, .n = n};
}

}  // namespace uncurl::math
