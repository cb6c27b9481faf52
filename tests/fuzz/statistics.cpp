// stats.safetensors, and what plans are made of it.
#include "tests/fuzz/tensor_file.h"
#include "tests/fuzz/tiny.h"
#include "uncurl/prune/planner.h"
#include "uncurl/prune/stats_file.h"

namespace uncurl::fuzz {

void try_input(std::string_view input) {
  const std::filesystem::path path = put("stats.safetensors", tensor_file_of(input));
  expect_answer([&] {
    const prune::RoutingStats stats = prune::read_stats(path, tiny_model().config);
    for (const char* const method : {"reap", "frequency-merge", "uncurl"}) {
      expect_answer([&] { (void)prune::make_plan(tiny_model(), stats, 2, {.method = method}, {}); });
    }
  });
}

}  // namespace uncurl::fuzz
