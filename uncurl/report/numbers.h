// Numbers as a reader wants them: three significant digits, thousands apart, an interval with as many decimals as its
// value.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

namespace uncurl::report {

/// A measured number with its 95% interval, which is missing (NaN) where it could not be computed.
struct Estimate {
  double value = 0;
  double low = std::numeric_limits<double>::quiet_NaN();
  double high = std::numeric_limits<double>::quiet_NaN();

  bool has_interval() const { return low == low && high == high; }
};

/// True where the intervals have a point in common, so that the order of the two values may be chance.
bool overlap(const Estimate& a, const Estimate& b);

std::string number_text(double value, int decimals);
std::string given_text(double value);                 ///< a number someone chose, as short as it was written: 0.05
std::string number_text(double value);                ///< three significant digits: 0.0451, 27.8, 1,234
std::string count_text(std::int64_t count);           ///< 15,501,824
std::string percent_text(double share);               ///< 0.413 -> 41%
std::string bytes_text(double bytes);                 ///< 1.50 GB
std::string seconds_text(double seconds);             ///< 1h 02m, 3m 07s, 4.2 s
std::string estimate_text(const Estimate& estimate);  ///< 0.0451 (0.0396–0.0506)

/// "1 expert", "3 experts"
std::string counted(std::int64_t count, const std::string& noun);

}  // namespace uncurl::report
