// The state of an interrupted observation: {"hidden": hidden.safetensors, "layers": layers-1.safetensors}, each as
// tensor_file_of has it.
#include "tests/fuzz/target.h"
#include "tests/fuzz/tensor_file.h"
#include "uncurl/base/json.h"
#include "uncurl/prune/resume.h"

namespace uncurl::fuzz {

void try_input(std::string_view input) {
  const Json both = Json::parse(input, nullptr, /*allow_exceptions=*/false);
  const std::filesystem::path state = folder() / "state";
  std::filesystem::create_directory(state);
  for (const auto& [key, file] : {std::pair{"hidden", "hidden.safetensors"}, {"layers", "layers-1.safetensors"}}) {
    const bool described = both.is_object() && both.contains(key);
    put(std::string("state/") + file, described ? tensor_file_of(json_text(both[key])) : std::string(input));
  }
  expect_answer([&] {
    (void)prune::ObserveState(state, "key", {})
        .load({.experts_of_layer = {4, 0, 4}, .num_tokens = 3, .hidden_size = 2, .num_samples = 2, .num_sources = 1});
  });
}

}  // namespace uncurl::fuzz
