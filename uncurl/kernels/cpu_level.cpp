#include "uncurl/kernels/cpu_level.h"

#include <array>
#include <cstdlib>
#include <string_view>

#include "uncurl/base/error.h"

namespace uncurl::kernels {
namespace {

constexpr std::array<std::string_view, 3> kNames = {"baseline", "v3", "v4"};

CpuLevel most_of_this_processor() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool has_v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  const bool has_v4 = has_v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  if (has_v4) return CpuLevel::kV4;
  if (has_v3) return CpuLevel::kV3;
#endif
  return CpuLevel::kBaseline;
}

}  // namespace

CpuLevel cpu_level_named(const std::string& name) {
  const CpuLevel most = most_of_this_processor();
  if (name.empty()) return most;
  for (std::size_t level = 0; level < kNames.size(); ++level) {
    if (name != kNames[level]) continue;
    check(level <= static_cast<std::size_t>(most), "UNCURL_CPU is ", name, ", but this processor has no more than ",
          kNames[static_cast<std::size_t>(most)], "; set that, or unset it");
    return static_cast<CpuLevel>(level);
  }
  fail("UNCURL_CPU is '", name, "', expected baseline, v3 or v4; unset it to use what this processor has");
}

CpuLevel cpu_level() {
  static const CpuLevel level = [] {
    const char* const name = std::getenv("UNCURL_CPU");
    return cpu_level_named(name ? name : "");
  }();
  return level;
}

}  // namespace uncurl::kernels
