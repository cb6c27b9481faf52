// Seeded random numbers whose sequence is the same with every compiler (the standard distributions are not).
#pragma once

#include <cstdint>
#include <random>

namespace uncurl {

class Rng {
 public:
  explicit Rng(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t bits() { return engine_(); }
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1.0p-53; }  ///< in [0, 1)
  std::uint64_t below(std::uint64_t n);                                          ///< in [0, n), n > 0, without bias
  double normal();                                                               ///< mean 0, variance 1

 private:
  std::mt19937_64 engine_;
};

}  // namespace uncurl
