// How sure a measured mean is: perplexity, KL, agreement and accuracy are all sums over rows divided by sums over rows.
// The rows (texts) are what was sampled; the tokens of one row depend on each other. So the interval is that of the
// ratio estimator of survey sampling (Cochran 1977, Sampling Techniques, chapter 6): linearised, Student's t.
#pragma once

#include <cstdint>
#include <span>

namespace uncurl::math {

struct Estimate {
  double mean = 0;
  double low = 0;  ///< the 95% interval; both ends are infinite if there is only one row
  double high = 0;
  std::int64_t n = 0;  ///< what the mean is over: the sum of the denominators
};

/// sum(numerators) / sum(denominators) with its 95% interval, rows being the sampling unit: with n rows, mean r and
/// residuals e_i = numerator_i - r * denominator_i, the half width is t(0.975, n-1) sqrt(n/(n-1) sum e_i^2) / sum(d).
/// @param numerators    one per row, e.g. the summed loss of its tokens
/// @param denominators  one per row, e.g. the number of its tokens: 0 or more
/// @throws Error if the lengths differ, a value is not finite, a denominator is negative, or all are zero
Estimate ratio_estimate(std::span<const double> numerators, std::span<const double> denominators);

/// The value that a Student t variable exceeds with probability 1/40: half the width of a 95% interval, in standard
/// errors. Infinite without a degree of freedom. Accurate to 1e-9 relative.
double student_t_975(std::int64_t degrees_of_freedom);

/// The value that it exceeds with probability 1/5, as accurate.
double student_t_80(std::int64_t degrees_of_freedom);

}  // namespace uncurl::math
