// Writes a checkpoint of random weights from nothing but a config.
//   create_probe CONFIG.json OUT_FOLDER SEED TOKENIZER_FOLDER|-
#include <ATen/ATen.h>

#include <iostream>

#include "uncurl/base/error.h"
#include "uncurl/model/create.h"
#include "uncurl/model/initial.h"

namespace {

using namespace uncurl;

void run(const std::string& config_file, const std::string& out, std::uint64_t seed, const std::string& tokenizer) {
  model::NewCheckpoint made{.config = read_json(config_file)};
  const model::Family& family = model::find_family(made.config.at("model_type").get<std::string>());
  made.layout = family.layouts.front();
  if (tokenizer != "-") made.files = model::tokenizer_files(tokenizer);
  std::map<std::string, model::InitialTensor> tensors;
  const model::ModelConfig config = model::read_config(made.config, family, config_file);
  for (const model::InitialTensor& tensor : model::initial_tensors(config, family, made.layout)) {
    tensors[tensor.name] = tensor;
  }
  model::create_checkpoint(out, made, [&](const std::string& name) { return model::draw(tensors.at(name), seed); });
  std::cout << model::count_parameters(config, family) << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: create_probe CONFIG.json OUT_FOLDER SEED TOKENIZER_FOLDER|-\n";
    return 2;
  }
  try {
    run(argv[1], argv[2], std::stoull(argv[3]), argv[4]);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
  return 0;
}
