// sweep.json, study.json, eval.json and result.json, as `report` reads them, and the page made of them.
#include "tests/fuzz/target.h"
#include "uncurl/report/page.h"
#include "uncurl/report/runs.h"

namespace uncurl::fuzz {

void try_input(std::string_view input) {
  const std::filesystem::path path = put("result.json", input);
  expect_answer([&] { (void)report::page(report::read_runs({path})); });
}

}  // namespace uncurl::fuzz
