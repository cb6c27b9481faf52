#include "uncurl/prune/estimate.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

namespace uncurl::prune {
namespace {

model::ModelConfig sized(std::int64_t hidden, std::int64_t width, bool gated) {
  model::ModelConfig config;
  config.hidden_size = hidden;
  config.expert_width = width;
  config.dense_width = 3 * hidden;
  config.head_dim = 8;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.gated_mlp = gated;
  config.num_experts = 6;
  config.routing.top_k = 2;
  config.layers = {{.moe = true, .num_experts = 6}, {.moe = false, .num_experts = 0}};
  return config;
}

/// The most resident memory since reset_peak(), in bytes, as Linux counts it.
std::uint64_t peak_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return 1024 * std::stoull(line.substr(6));
  }
  return 0;
}

bool reset_peak() { return static_cast<bool>(std::ofstream("/proc/self/clear_refs") << "5" << std::flush); }

TEST(Estimate, CountsTheArithmeticOfAToken) {
  // hidden 16: attention (2*4 + 2*2) * 8 * 16 = 1536 weights in both layers; router 6 * 16; two experts of 3 * 16 * 10;
  // the dense layer 3 * 16 * 48. Two operations a weight.
  EXPECT_EQ(flops_per_token(sized(16, 10, /*gated=*/true)), 2.0 * (2 * 1536 + 96 + 2 * 480 + 2304));
}

TEST(Estimate, CountsTwoMatricesWhereThereIsNoGate) {
  // Experts: 2 * 16 * 10 and biases 10 + 16; the dense layer 2 * 16 * 48.
  EXPECT_EQ(flops_per_token(sized(16, 10, /*gated=*/false)), 2.0 * (2 * 1536 + 96 + 2 * 346 + 1536));
}

// Whole experts of this width, two for each of 64 threads, took 45 GB.
TEST(Estimate, MeasuresTheMachineInLittleMemoryWhateverTheModelAndThreads) {
  if (!reset_peak()) GTEST_SKIP() << "this system does not reset the peak of memory";
  const std::uint64_t before = peak_bytes();
  for (const bool gated : {true, false}) {
    const MachineSpeed speed = measure_speed(sized(4096, 14336, gated), {.dtype = at::kBFloat16}, /*threads=*/64);
    EXPECT_GT(speed.flops_per_second, 0);
    EXPECT_GE(speed.task_seconds, 0);
  }
  EXPECT_LT(peak_bytes() - before, std::uint64_t{400} << 20);
}

}  // namespace
}  // namespace uncurl::prune
