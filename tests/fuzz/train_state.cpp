// state.safetensors of a training run.
#include <ATen/ATen.h>

#include "tests/fuzz/target.h"
#include "tests/fuzz/tensor_file.h"
#include "uncurl/train/state.h"

namespace uncurl::fuzz {

void try_input(std::string_view input) {
  const std::filesystem::path path = put("state.safetensors", tensor_file_of(input));
  std::vector<train::Trained> trained = {train::make_trained("w", at::zeros({2, 3}), /*decays=*/true)};
  expect_answer([&] { (void)train::StateFile(path, "key").load(trained, {}); });
}

}  // namespace uncurl::fuzz
