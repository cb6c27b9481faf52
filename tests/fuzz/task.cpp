// A task file and its rows: {"task": {...}, "rows": [{...}]}. The rows are those that the task names rows.jsonl.
#include "uncurl/text/task.h"

#include "tests/fuzz/target.h"
#include "uncurl/base/strict_json.h"

namespace uncurl::fuzz {

void try_input(std::string_view input) {
  expect_answer([&] {
    const Json json = parse_json(input, "input");
    const JsonObject parts(json, "input");
    std::string rows;
    for (const Json& row : parts.array("rows")) rows += json_text(row) + "\n";
    put("rows.jsonl", rows);
    const auto file = put("task.json", json_text(parts.object("task").json()));
    const text::Task task = text::read_task(file);
    for (const auto& [split, path] : task.rows) {
      if (path != "rows.jsonl") continue;  // not the machine's own files
      for (const text::TaskExample& example : text::read_examples(task, split, folder())) {
        if (!example.choices.empty()) (void)example.right_answer();
      }
    }
  });
}

}  // namespace uncurl::fuzz
