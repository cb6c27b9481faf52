// Our linear assignment on the score matrices of two experts: median milliseconds on one thread.
// bench/compare_assignment.py runs it beside SciPy on the matrices it writes.
//
//     assignment_bench KIND N FILE [SEED]
//
// gaussian: independent scores, the hardest case; copy: expert B is a shuffled, noisy copy of A; distant: B is mostly
// its own, with a trace of A. Scores are the products of neurons of width 512, FILE takes them as raw fp32 [N,N].
#include <algorithm>
#include <chrono>
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
constexpr int kRepeats = 15;

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

double median_milliseconds(const std::vector<float>& scores, int n) {
  std::vector<double> times;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    (void)uncurl::math::maximize_assignment(scores, n);
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(times.begin(), times.begin() + kRepeats / 2, times.end());
  return times[kRepeats / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: assignment_bench gaussian|copy|distant N FILE [SEED]\n");
    return 2;
  }
  const int n = std::stoi(argv[2]);
  uncurl::Rng rng(argc > 4 ? std::stoull(argv[4]) : 1);
  const std::vector<float> scores = make_scores(argv[1], n, rng);
  std::ofstream(argv[3], std::ios::binary)
      .write(reinterpret_cast<const char*>(scores.data()), static_cast<std::streamsize>(scores.size() * sizeof(float)));
  const uncurl::math::Permutation best = uncurl::math::maximize_assignment(scores, n);
  std::printf("%.4f %.17g\n", median_milliseconds(scores, n), uncurl::math::assignment_score(scores, best));
  return 0;
}
