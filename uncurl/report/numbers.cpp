#include "uncurl/report/numbers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace uncurl::report {
namespace {

/// The decimals that leave three significant digits.
int decimals_of(double value) {
  if (value == 0 || !std::isfinite(value)) return 0;
  return std::clamp(2 - static_cast<int>(std::floor(std::log10(std::abs(value)))), 0, 6);
}

std::string with_thousands(std::string digits) {
  const std::size_t begin = digits.starts_with('-') ? 1 : 0;
  std::size_t end = digits.find('.');
  if (end == std::string::npos) end = digits.size();
  for (std::size_t at = end; at > begin + 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

}  // namespace

bool overlap(const Estimate& a, const Estimate& b) {
  if (!a.has_interval() || !b.has_interval()) return false;
  return a.low <= b.high && b.low <= a.high;
}

std::string number_text(double value, int decimals) {
  if (!std::isfinite(value)) return std::isnan(value) ? "–" : value > 0 ? "∞" : "−∞";
  std::array<char, 512> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return with_thousands(text.data());
}

std::string number_text(double value) { return number_text(value, decimals_of(value)); }

std::string given_text(double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.4g", value);
  return text.data();
}

std::string count_text(std::int64_t count) { return with_thousands(std::to_string(count)); }

std::string percent_text(double share) {
  const double percent = 100 * share;
  return number_text(percent, std::abs(percent) < 1 && percent != 0 ? 1 : 0) + "%";
}

std::string bytes_text(double bytes) {
  constexpr std::array<const char*, 5> kUnits = {" B", " kB", " MB", " GB", " TB"};
  std::size_t unit = 0;
  for (; bytes >= 1000 && unit + 1 < kUnits.size(); ++unit) bytes /= 1000;
  return number_text(bytes, unit == 0 ? 0 : decimals_of(bytes)) + kUnits[unit];
}

std::string seconds_text(double seconds) {
  if (seconds < 60) return number_text(seconds, seconds < 10 ? 1 : 0) + " s";
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  const std::int64_t minutes = whole / 60;
  const auto two_digits = [](std::int64_t n) { return std::string(n < 10 ? "0" : "").append(std::to_string(n)); };
  if (minutes < 60) return std::to_string(minutes) + "m " + two_digits(whole % 60) + "s";
  return std::to_string(minutes / 60) + "h " + two_digits(minutes % 60) + "m";
}

std::string estimate_text(const Estimate& estimate) {
  const int decimals = std::min(decimals_of(estimate.value), 4);
  const std::string value = number_text(estimate.value, decimals);
  if (!estimate.has_interval()) return value;
  return value + " (" + number_text(estimate.low, decimals) + "–" + number_text(estimate.high, decimals) + ")";
}

std::string counted(std::int64_t count, const std::string& noun) {
  return count_text(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace uncurl::report
