// Merging a group of experts as a whole: scores, assignments, permutations, average, on libtorch's threads.
// bench/compare_align.py makes the experts and runs NumPy with SciPy on the same ones.
//
//     align_bench FILE plain|rescale OUT [--benchmark_format=json ...]
//
// FILE is a safetensors file with gate, up [M,F,D] and down [M,D,F]; the first of the M experts is the anchor.
// Google Benchmark times it; OUT takes the merged expert.
#include <ATen/ATen.h>
#include <benchmark/benchmark.h>

#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include "uncurl/model/tensor_file.h"
#include "uncurl/prune/merge.h"
#include "uncurl/tensor/caching_allocator.h"

namespace {

std::vector<uncurl::Expert> read_experts(const std::string& path) {
  const uncurl::model::TensorFile file = uncurl::model::read_tensor_file(path);
  std::vector<uncurl::Expert> experts;
  const auto part = [&](const char* name, std::int64_t m) { return file.at(name).select(0, m).clone(); };
  for (std::int64_t m = 0; m < file.at("gate").size(0); ++m) {
    experts.push_back({part("gate", m), part("up", m), part("down", m)});
  }
  return experts;
}

uncurl::prune::ExpertGroup group_of_all(std::size_t num_members) {
  uncurl::prune::ExpertGroup group{.anchor = 0};
  group.members.resize(num_members);
  std::iota(group.members.begin(), group.members.end(), 0);
  group.weights.assign(num_members, 1.0 / static_cast<double>(num_members));
  return group;
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc < 4) {
    std::fprintf(stderr, "usage: align_bench FILE plain|rescale OUT [--benchmark_...]\n");
    return 2;
  }
  uncurl::use_caching_allocator();
  const std::vector<uncurl::Expert> experts = read_experts(argv[1]);
  const uncurl::prune::ExpertGroup group = group_of_all(experts.size());
  const uncurl::prune::AlignOptions options{.rescale = std::string(argv[2]) == "rescale"};
  uncurl::Expert merged;
  const auto merge = [&](benchmark::State& state) {
    for (auto _ : state) merged = uncurl::prune::merge_groups(experts, {group}, options).front();
  };
  benchmark::RegisterBenchmark(argv[2], merge)->Unit(benchmark::kSecond)->UseRealTime()->Iterations(1)->Repetitions(3);
  benchmark::RunSpecifiedBenchmarks();
  uncurl::model::write_tensor_file(argv[3], {{"gate", merged.gate}, {"up", merged.up}, {"down", merged.down}}, {});
  return 0;
}
