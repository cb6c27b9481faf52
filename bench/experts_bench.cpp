// The products of routed experts of Qwen3-30B-A3B's shape (width 768, model width 2048) by the number of rows per
// expert, with gathering, gates and sums, ours and the plain operations by turns. Google Benchmark prints milliseconds,
// FLOP/s of the products and their share of a large product's rate in the same run.
//
//     experts_bench [--benchmark_filter=bf16]
#include <vector>

#include "bench/rates.h"
#include "uncurl/nn/experts.h"

namespace {

constexpr std::int64_t kExperts = 16, kTopK = 4, kHidden = 2048, kWidth = 768;

std::vector<uncurl::Expert> make_experts(at::ScalarType dtype) {
  const auto weights = [&](std::int64_t rows, std::int64_t columns) {
    return (0.02 * at::randn({rows, columns})).to(dtype);
  };
  std::vector<uncurl::Expert> experts;
  for (std::int64_t e = 0; e < kExperts; ++e) {
    experts.push_back({weights(kWidth, kHidden), weights(kWidth, kHidden), weights(kHidden, kWidth)});
  }
  return experts;
}

void run(benchmark::State& state, at::ScalarType dtype, std::int64_t rows, uncurl::nn::Implementation implementation) {
  static const std::vector<uncurl::Expert> in_bf16 = make_experts(at::kBFloat16), in_f32 = make_experts(at::kFloat);
  const std::vector<uncurl::Expert>& experts = dtype == at::kFloat ? in_f32 : in_bf16;
  const std::int64_t tokens = rows * kExperts / kTopK;
  const at::Tensor x_ND = at::randn({tokens, kHidden}).to(dtype);
  // Every expert gets as many rows, each token four experts.
  const at::Tensor ids_NK = at::arange(tokens * kTopK).remainder(kExperts).view({tokens, kTopK}).contiguous();
  const at::Tensor gates_NK = at::full({tokens, kTopK}, 1.0 / kTopK).to(dtype);
  const c10::InferenceMode inference;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        uncurl::nn::experts(x_ND, experts, ids_NK, gates_NK, /*want_norms=*/true, implementation).out_ND);
  }
  uncurl::bench::count_flops(state, dtype, 2.0 * 3 * kHidden * kWidth * static_cast<double>(tokens * kTopK));
}

}  // namespace

int main(int argc, char** argv) {
  return uncurl::bench::run_sizes(argc, argv, {16, 32, 64, 128, 256, 512, 1024}, "rows per expert", run);
}
