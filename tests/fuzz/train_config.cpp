// The config of `uncurl train`.
#include "tests/fuzz/target.h"
#include "uncurl/train/config.h"

namespace uncurl::fuzz {

void try_input(std::string_view input) {
  const std::filesystem::path path = put("train.json", input);
  expect_answer([&] {
    const train::TrainConfig config = train::read_train_config(path);
    train::check_config(config);
    (void)train::to_json(config);
  });
}

}  // namespace uncurl::fuzz
