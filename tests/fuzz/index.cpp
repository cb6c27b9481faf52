// model.safetensors.index.json beside two shards.
#include "tests/fuzz/target.h"
#include "uncurl/checkpoint/checkpoint.h"
#include "uncurl/checkpoint/folder.h"

namespace uncurl::fuzz {

void try_input(std::string_view input) {
  static const bool has_shards = [] {
    for (const char* const name : {"a", "b"}) {
      const checkpoint::TensorSpec tensor{name, "U8", {2}};
      put(std::string(name) + ".safetensors", checkpoint::safetensors_header({{tensor}}, {}) + "xx");
    }
    return true;
  }();
  put(checkpoint::kIndexFileName, input);
  expect_answer([&] {
    const auto opened = checkpoint::Checkpoint::open(folder());
    if (!has_shards || opened.tensors().size() > 2) throw std::logic_error("tensors from nowhere");
  });
}

}  // namespace uncurl::fuzz
