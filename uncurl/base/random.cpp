#include "uncurl/base/random.h"

#include <cassert>
#include <cmath>
#include <numbers>

namespace uncurl {

std::uint64_t Rng::below(std::uint64_t n) {
  assert(n > 0);
  const std::uint64_t limit = -n % n;  // the first 2^64 mod n values would make small results likelier
  std::uint64_t value = bits();
  while (value < limit) value = bits();
  return value % n;
}

double Rng::normal() {  // Box-Muller; 1 - u keeps the logarithm finite
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

}  // namespace uncurl
