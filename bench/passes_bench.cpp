// Passes over rows that have kernels of their own in training: RMSNorm, LayerNorm, rotary positions, GELU, and the loss
// of the next token, each forward and backward in f32, beside the same in libtorch's operations. What is no product is
// bound by memory, so milliseconds are printed and no share of a peak.
//
//     passes_bench [--benchmark_filter=rope]
#include <ATen/ATen.h>
#include <benchmark/benchmark.h>

#include <functional>
#include <string>

#include "uncurl/kernels/gelu.h"
#include "uncurl/nn/norm.h"
#include "uncurl/nn/rope.h"
#include "uncurl/nn/training_loss.h"
#include "uncurl/tensor/caching_allocator.h"

namespace {

using at::Tensor;

constexpr std::int64_t kTokens = 8192, kWidth = 1024, kHeads = 8, kHeadDim = 128, kVocabulary = 8192, kModel = 256;
constexpr double kEpsilon = 1e-6;

using Pass = std::function<Tensor(const Tensor& x)>;

/// @param shape  of what the pass is applied to, and differentiated by
void register_pass(const std::string& name, at::IntArrayRef shape, const Pass& pass) {
  const auto run = [pass, sizes = shape.vec()](benchmark::State& state) {
    const Tensor x = at::randn(sizes).requires_grad_();
    const Tensor upstream = at::randn_like(pass(x.detach()));
    for (auto _ : state) {
      x.mutable_grad().reset();
      pass(x).backward(upstream);
      benchmark::DoNotOptimize(x.grad());
    }
  };
  benchmark::RegisterBenchmark(name.c_str(), run)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();
}

Tensor plain_rms_norm(const Tensor& x, const Tensor& weight) {
  return weight * (x * x.pow(2).mean(-1, /*keepdim=*/true).add(kEpsilon).rsqrt());
}

Tensor plain_rope(const Tensor& x_NHd, const Tensor& cos_N1d, const Tensor& sin_N1d) {
  const auto halves = x_NHd.chunk(2, /*dim=*/-1);
  return x_NHd * cos_N1d + at::cat({-halves[1], halves[0]}, /*dim=*/-1) * sin_N1d;
}

void register_all() {
  const Tensor weight = at::randn({kWidth}).requires_grad_(), bias = at::randn({kWidth}).requires_grad_();
  register_pass("rms_norm/ours", {kTokens, kWidth},
                [=](const Tensor& x) { return uncurl::nn::rms_norm(x, weight, kEpsilon); });
  register_pass("rms_norm/libtorch", {kTokens, kWidth}, [=](const Tensor& x) { return plain_rms_norm(x, weight); });
  register_pass("layer_norm/ours", {kTokens, kWidth},
                [=](const Tensor& x) { return uncurl::nn::layer_norm(x, weight, bias, kEpsilon); });
  register_pass("layer_norm/libtorch", {kTokens, kWidth},
                [=](const Tensor& x) { return at::layer_norm(x, {kWidth}, weight, bias, kEpsilon); });

  const uncurl::nn::RopeTables tables =
      uncurl::nn::rope_tables(uncurl::nn::rope_frequencies(kHeadDim, /*theta=*/10000), kTokens, at::kFloat);
  const Tensor positions = at::arange(kTokens), cos = tables.cos.unsqueeze(1), sin = tables.sin.unsqueeze(1);
  register_pass("rope/ours", {kTokens, kHeads, kHeadDim},
                [=](const Tensor& x) { return uncurl::nn::apply_rope(x, tables, positions); });
  register_pass("rope/libtorch", {kTokens, kHeads, kHeadDim}, [=](const Tensor& x) { return plain_rope(x, cos, sin); });

  register_pass("gelu/ours", {kTokens, kWidth},
                [](const Tensor& x) { return uncurl::kernels::differentiable_gelu(x); });
  register_pass("gelu/libtorch", {kTokens, kWidth}, [](const Tensor& x) { return at::gelu(x, "tanh"); });

  const Tensor head = (0.02 * at::randn({kVocabulary, kModel})).requires_grad_();
  const Tensor targets = at::randint(kVocabulary, {kTokens}, at::kLong);
  register_pass("next token loss/ours", {kTokens, kModel},
                [=](const Tensor& x) { return uncurl::nn::next_token_loss(x, head, targets).loss; });
  register_pass("next token loss/libtorch", {kTokens, kModel}, [=](const Tensor& x) {
    return at::cross_entropy_loss(at::linear(x, head), targets, /*weight=*/{}, at::Reduction::Sum);
  });
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  uncurl::use_caching_allocator();
  at::manual_seed(1);
  register_all();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
