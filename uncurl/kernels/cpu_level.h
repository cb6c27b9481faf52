// Loops that the compiler vectorises, compiled for several generations of x86-64 processors (the levels of the x86-64
// psABI) and chosen when they are called. The environment variable UNCURL_CPU=baseline|v3|v4 forces a lower level, as
// ONEDNN_MAX_CPU_ISA does for oneDNN, so that every variant can be tested on one machine. Levels differ in the last
// bits of their results (vector widths of sums, fused multiply-add); one level gives the same bits on any processor.
#pragma once

#include <string>

namespace uncurl::kernels {

enum class CpuLevel { kBaseline, kV3, kV4 };  ///< SSE2; AVX2 and FMA; AVX-512 with its F, BW, CD, DQ and VL parts

/// What vector loops run as: the most that this processor has, or what UNCURL_CPU says. Decided at the first call.
/// @throws Error if UNCURL_CPU names no level, or one that this processor does not have
CpuLevel cpu_level();

/// The same for a value of UNCURL_CPU; empty: the most that this processor has.
CpuLevel cpu_level_named(const std::string& name);

#if defined(__x86_64__)
template <auto loop, class... Args>
[[gnu::target("arch=x86-64-v4"), gnu::flatten]] auto run_as_v4(Args... args) {
  return loop(args...);
}
template <auto loop, class... Args>
[[gnu::target("arch=x86-64-v3"), gnu::flatten]] auto run_as_v3(Args... args) {
  return loop(args...);
}
#endif

/// loop(args...), compiled for the level of this processor with all that it calls inlined. `loop` is a plain function
/// of numbers and pointers.
template <auto loop, class... Args>
auto vectorized(Args... args) {
#if defined(__x86_64__)
  switch (cpu_level()) {
    case CpuLevel::kV4:
      return run_as_v4<loop>(args...);
    case CpuLevel::kV3:
      return run_as_v3<loop>(args...);
    case CpuLevel::kBaseline:
      break;
  }
#endif
  return loop(args...);
}

}  // namespace uncurl::kernels
