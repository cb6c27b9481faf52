// state.safetensors of a training run.
#include <ATen/ATen.h>

#include "tests/fuzz/target.h"
#include "tests/fuzz/tensor_file.h"
#include "uncurl/train/state.h"

namespace uncurl::fuzz {

void try_input(std::string_view input) {
  const std::filesystem::path path = put("state.safetensors", tensor_file_of(input));
  std::vector<train::Trained> trained(1);
  trained[0].name = "w";
  for (at::Tensor* const tensor : {&trained[0].value, &trained[0].mean, &trained[0].variance}) {
    *tensor = at::zeros({2, 3});
  }
  trained[0].step = at::zeros({});
  expect_answer([&] { (void)train::StateFile(path, "key").load(trained, {}); });
}

}  // namespace uncurl::fuzz
