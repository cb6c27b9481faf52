// Our linear assignment on the score matrices of two experts, on one thread; Google Benchmark times it.
// bench/compare_assignment.py runs it beside SciPy on the matrices it writes.
//
//     assignment_bench KIND N FILE [SEED] [--benchmark_format=json ...]
//
// gaussian: independent scores, the hardest case; copy: expert B is a shuffled, noisy copy of A; distant: B is mostly
// its own, with a trace of A. Scores are the products of neurons of width 512, FILE takes them as raw fp32 [N,N].
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "uncurl/base/error.h"
#include "uncurl/base/random.h"
#include "uncurl/math/assignment.h"

namespace {

constexpr int kWidth = 512;
constexpr int kRepetitions = 5;

std::vector<float> gaussian(std::size_t count, uncurl::Rng& rng) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(rng.normal());
  return values;
}

std::vector<int> shuffled(int n, uncurl::Rng& rng) {
  std::vector<int> order(n);
  std::iota(order.begin(), order.end(), 0);
  for (int i = n - 1; i > 0; --i) std::swap(order[i], order[rng.below(static_cast<std::uint64_t>(i) + 1)]);
  return order;
}

std::vector<float> products_of_experts(int n, float likeness, float noise, uncurl::Rng& rng) {
  const std::size_t size = static_cast<std::size_t>(n) * kWidth;
  const std::vector<float> a = gaussian(size, rng), own = gaussian(size, rng);
  const std::vector<int> order = shuffled(n, rng);
  std::vector<float> scores;
  for (int row = 0; row < n; ++row) {
    for (int column = 0; column < n; ++column) {
      float sum = 0;
      for (int k = 0; k < kWidth; ++k) {
        const float b = likeness * a[order[column] * kWidth + k] + noise * own[column * kWidth + k];
        sum += a[row * kWidth + k] * b;
      }
      scores.push_back(sum);
    }
  }
  return scores;
}

std::vector<float> make_scores(const std::string& kind, int n, uncurl::Rng& rng) {
  if (kind == "gaussian") return gaussian(static_cast<std::size_t>(n) * static_cast<std::size_t>(n), rng);
  if (kind == "copy") return products_of_experts(n, 1.0f, 0.5f, rng);
  if (kind == "distant") return products_of_experts(n, 0.05f, 1.0f, rng);
  uncurl::fail("there is no kind '", kind, "'; there is gaussian, copy, distant");
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc < 4) {
    std::fprintf(stderr, "usage: assignment_bench gaussian|copy|distant N FILE [SEED] [--benchmark_...]\n");
    return 2;
  }
  const int n = std::stoi(argv[2]);
  uncurl::Rng rng(argc > 4 ? std::stoull(argv[4]) : 1);
  const std::vector<float> scores = make_scores(argv[1], n, rng);
  std::ofstream(argv[3], std::ios::binary)
      .write(reinterpret_cast<const char*>(scores.data()), static_cast<std::streamsize>(scores.size() * sizeof(float)));
  const auto assign = [&](benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(uncurl::math::maximize_assignment(scores, n));
    const uncurl::math::Permutation best = uncurl::math::maximize_assignment(scores, n);
    state.counters["objective"] = uncurl::math::assignment_score(scores, best);
  };
  benchmark::RegisterBenchmark(argv[1], assign)->Unit(benchmark::kMillisecond)->Repetitions(kRepetitions);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
