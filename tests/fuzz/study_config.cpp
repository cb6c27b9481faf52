// The config of `uncurl study`, and the stages it asks for.
#include "tests/fuzz/target.h"
#include "uncurl/study/protocol/config.h"
#include "uncurl/study/protocol/stages.h"

namespace uncurl::fuzz {

void try_input(std::string_view input) {
  static const bool has_task = [] {
    put("rows.jsonl", R"({"q": "one", "label": 0})");
    put("text.txt", "some text to train on\n");
    put("task.json", R"({"name": "t", "description": "d", "metric": "accuracy", "rows": {"train": "rows.jsonl",
      "validation": "rows.jsonl"}, "prompt": "{q}", "choices": ["a", "b"], "label": {"field": "label"}})");
    return true;
  }();
  const std::filesystem::path path = put("study.json", input);
  expect_answer([&] {
    const study::DataPlaces places{.tasks_folder = folder(), .data_root = folder()};
    const study::StudyConfig config = study::read_study_config(path, places, "cpu");
    study::DataHashes hashes;
    if (!has_task || study::stages_of(config, hashes).size() > 1'000'000) throw std::logic_error("endless stages");
  });
}

}  // namespace uncurl::fuzz
