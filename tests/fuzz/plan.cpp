// plan.json, edited by a person or not, checked against a small model.
#include "uncurl/prune/plan.h"

#include "tests/fuzz/tiny.h"

namespace uncurl::fuzz {

void try_input(std::string_view input) {
  const std::filesystem::path path = put("plan.json", input);
  expect_answer([&] {
    const prune::Plan plan = prune::read_plan(path);
    prune::check_plan(plan, tiny_model().config);
    prune::write_plan(path, plan);
    if (prune::experts_after(plan, tiny_model().config).size() != 2) throw std::logic_error("another model");
  });
}

}  // namespace uncurl::fuzz
