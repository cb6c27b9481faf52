// A .jsonl of rows after a first line that is the template; an empty one stands for none.
#include "tests/fuzz/target.h"
#include "uncurl/text/source.h"

namespace uncurl::fuzz {

void try_input(std::string_view input) {
  const std::size_t end = std::min(input.find('\n'), input.size());
  const auto path = put("rows.jsonl", end < input.size() ? input.substr(end + 1) : "");
  const text::ReadOptions options{.record_template = std::string(input.substr(0, end)), .tasks_folder = folder()};
  expect_answer([&] {
    for (const text::Example& example : text::read_source({path.string(), {}}, options).examples) (void)example.text();
  });
}

}  // namespace uncurl::fuzz
