// config.json, read as each family reads it.
#include "uncurl/model/config.h"

#include "tests/fuzz/target.h"
#include "uncurl/base/strict_json.h"

namespace uncurl::fuzz {

void try_input(std::string_view input) {
  expect_answer([&] {
    const Json json = parse_json(input, "config.json");
    for (const model::Family& family : model::families()) {
      expect_answer([&] {
        const model::ModelConfig config = model::read_config(json, family, "config.json");
        if (config.num_layers() > 1'000'000) throw std::logic_error("layers that no file was held against");
      });
    }
  });
}

}  // namespace uncurl::fuzz
