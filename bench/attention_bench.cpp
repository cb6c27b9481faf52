// Causal attention over packed rows, ours and libtorch's (plain) by turns: 2048 tokens, 16 heads of 128 and 4 of keys,
// in rows of 2048, 512, 100 and 30 tokens. Google Benchmark prints milliseconds, FLOP/s and their share of a large
// product's rate.
//
//     attention_bench [--benchmark_filter=bf16]
#include <vector>

#include "bench/rates.h"
#include "uncurl/nn/attention.h"

namespace {

constexpr std::int64_t kTokens = 2048, kHeads = 16, kKeyHeads = 4, kHeadDim = 128;

std::vector<std::int64_t> begins_of_rows(std::int64_t length) {
  std::vector<std::int64_t> begins;
  for (std::int64_t begin = 0; begin < kTokens; begin += length) begins.push_back(begin);
  begins.push_back(kTokens);
  return begins;
}

/// Scores and values of the pairs that a causal mask leaves: 4 FLOP per pair, head and dimension.
double flops_of(const std::vector<std::int64_t>& begins) {
  double pairs = 0;
  for (std::size_t row = 0; row + 1 < begins.size(); ++row) {
    const auto length = static_cast<double>(begins[row + 1] - begins[row]);
    pairs += length * (length + 1) / 2;
  }
  return 4.0 * pairs * kHeads * kHeadDim;
}

void attend(benchmark::State& state, at::ScalarType dtype, std::int64_t length,
            uncurl::nn::Implementation implementation) {
  const auto heads = [&](std::int64_t count) { return at::randn({kTokens, count, kHeadDim}).to(dtype); };
  const at::Tensor q = heads(kHeads), k = heads(kKeyHeads), v = heads(kKeyHeads);
  const std::vector<std::int64_t> begins = begins_of_rows(length);
  for (auto _ : state) {
    benchmark::DoNotOptimize(uncurl::nn::attention(q, k, v, begins, /*scale=*/0.088, /*window=*/0, implementation));
  }
  uncurl::bench::count_flops(state, dtype, flops_of(begins));
}

}  // namespace

int main(int argc, char** argv) {
  return uncurl::bench::run_sizes(argc, argv, {2048, 512, 100, 30}, "tokens per row", attend);
}
