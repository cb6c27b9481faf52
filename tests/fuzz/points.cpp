// points.jsonl of a sweep that was interrupted.
#include "tests/fuzz/target.h"
#include "uncurl/study/sweep/point_log.h"

namespace uncurl::fuzz {

void try_input(std::string_view input) {
  const std::filesystem::path path = put("points.jsonl", input);
  expect_answer([&] { const study::PointLog log(path); });
}

}  // namespace uncurl::fuzz
