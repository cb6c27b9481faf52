// Rates of arithmetic as a share of what this machine does: the peak is the rate of a large product in the same run.
#pragma once

#include <ATen/ATen.h>
#include <benchmark/benchmark.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "uncurl/base/error.h"
#include "uncurl/nn/implementation.h"
#include "uncurl/tensor/caching_allocator.h"

namespace uncurl::bench {

/// FLOP per second of processor time, the best of five products of 4096 rows with 4096 x 4096 weights; measured once
/// per dtype. Processor time counts all threads, so this is a rate per thread, and other programs hardly disturb it.
inline double peak_rate(at::ScalarType dtype) {
  static std::map<at::ScalarType, double> known;
  const auto found = known.find(dtype);
  if (found != known.end()) return found->second;
  constexpr std::int64_t kSize = 4096;
  const at::Tensor x = at::rand({kSize, kSize}).to(dtype), weights = at::rand({kSize, kSize}).to(dtype);
  std::clock_t least = std::numeric_limits<std::clock_t>::max();
  for (int i = 0; i < 5; ++i) {
    const std::clock_t begin = std::clock();
    benchmark::DoNotOptimize(at::linear(x, weights));
    least = std::min(least, std::clock() - begin);
  }
  return known[dtype] = 2.0 * kSize * kSize * kSize * CLOCKS_PER_SEC / static_cast<double>(least);
}

/// Adds "FLOP/s" per thread, and "peak%", its share of peak_rate(), to what the benchmark prints.
/// @param flops  of one iteration
inline void count_flops(benchmark::State& state, at::ScalarType dtype, double flops) {
  using benchmark::Counter;
  state.counters["FLOP/s"] = Counter(flops, Counter::kIsIterationInvariantRate);
  state.counters["peak%"] = Counter(100 * flops / peak_rate(dtype), Counter::kIsIterationInvariantRate);
}

/// main() of a benchmark of sizes: run(state, dtype, size, implementation) for each dtype and size, ours and then
/// plain.
/// @param text  what the sizes are, for the names of the cases
template <class Run>
int run_sizes(int argc, char** argv, const std::vector<std::int64_t>& sizes, const std::string& text, Run run) {
  benchmark::Initialize(&argc, argv);
  use_caching_allocator();
  at::manual_seed(1);
  for (const at::ScalarType dtype : {at::kBFloat16, at::kFloat}) {
    for (const std::int64_t size : sizes) {
      for (const nn::Implementation implementation : {nn::Implementation::kFastest, nn::Implementation::kPlain}) {
        const bool ours = implementation == nn::Implementation::kFastest;
        const std::string name =
            concat(dtype == at::kFloat ? "f32" : "bf16", "/", size, " ", text, ours ? "/ours" : "/plain");
        const auto one = [=](benchmark::State& state) { run(state, dtype, size, implementation); };
        benchmark::RegisterBenchmark(name.c_str(), one)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();
      }
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace uncurl::bench
