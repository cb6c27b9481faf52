// Held-out rows drawn anew with replacement (the bootstrap), the same draws for every point of a sweep: what two points
// have in common, the hard rows, then falls out of their difference.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace uncurl::study {

inline constexpr int kNumResamples = 2000;

class Resamples {
 public:
  /// As many rows of each source are drawn as it has. @param source_of_row  one entry a row, not empty
  Resamples(const std::vector<std::int64_t>& source_of_row, int num_resamples, std::uint64_t seed);

  /// sum(numerators) / sum(denominators) in each resample.
  std::vector<double> ratios(std::span<const double> numerators, std::span<const double> denominators) const;

 private:
  std::size_t num_rows_;
  std::vector<std::vector<std::uint16_t>> times_;  ///< by resample: how often each row was drawn
};

}  // namespace uncurl::study
