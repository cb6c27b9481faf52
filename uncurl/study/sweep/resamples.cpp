#include "uncurl/study/sweep/resamples.h"

#include <map>

#include "uncurl/base/error.h"
#include "uncurl/base/random.h"

namespace uncurl::study {

Resamples::Resamples(const std::vector<std::int64_t>& source_of_row, int num_resamples, std::uint64_t seed)
    : num_rows_(source_of_row.size()) {
  check(num_rows_ > 0 && num_resamples > 0, "there are no rows to draw from, or nothing to draw");
  std::map<std::int64_t, std::vector<std::size_t>> rows_of_source;
  for (std::size_t r = 0; r < num_rows_; ++r) rows_of_source[source_of_row[r]].push_back(r);
  Rng rng(seed);
  times_.assign(static_cast<std::size_t>(num_resamples), std::vector<std::uint16_t>(num_rows_, 0));
  for (std::vector<std::uint16_t>& times : times_) {
    for (const auto& [source, rows] : rows_of_source) {
      for (std::size_t i = 0; i < rows.size(); ++i) ++times[rows[rng.below(rows.size())]];
    }
  }
}

std::vector<double> Resamples::ratios(std::span<const double> numerators, std::span<const double> denominators) const {
  check(numerators.size() == num_rows_ && denominators.size() == num_rows_, "expected ", num_rows_, " rows, found ",
        numerators.size(), " numerators and ", denominators.size(), " denominators");
  std::vector<double> ratios;
  for (const std::vector<std::uint16_t>& times : times_) {
    double numerator = 0, denominator = 0;
    for (std::size_t r = 0; r < num_rows_; ++r) {
      numerator += times[r] * numerators[r];
      denominator += times[r] * denominators[r];
    }
    ratios.push_back(numerator / denominator);
  }
  return ratios;
}

}  // namespace uncurl::study
