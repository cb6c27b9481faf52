#include "uncurl/train/state.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "uncurl/base/error.h"
#include "uncurl/model/tensor_file.h"
#include "uncurl/tensor/shape.h"

namespace uncurl::train {
namespace {

/// The tensors of a state by name, as they are saved and loaded.
void for_each_saved(std::vector<Trained>& trained, const std::function<void(const std::string&, Tensor&)>& visit) {
  for (Trained& tensor : trained) {
    visit(tensor.name, tensor.value);
    visit(tensor.name + ".mean", tensor.mean);
    visit(tensor.name + ".variance", tensor.variance);
    visit(tensor.name + ".step", tensor.step);
  }
}

}  // namespace

void StateFile::save(const std::vector<Trained>& trained, const Position& position) const {
  model::NamedTensors tensors;
  std::vector<Trained> copy = trained;
  for_each_saved(copy, [&](const std::string& name, Tensor& tensor) {
    tensors.emplace_back(name, tensor.detach().to(at::kCPU).contiguous());
  });
  model::write_tensor_file(path_, tensors,
                           {{"kind", "training state"},
                            {"key", key_},
                            {"step", position.step},
                            {"tokens", position.tokens},
                            {"seconds", position.seconds}});
}

std::optional<Position> StateFile::load(std::vector<Trained>& trained, const Listener& listener) const {
  if (!std::filesystem::exists(path_)) return std::nullopt;
  model::TensorFile file;
  try {
    file = model::read_tensor_file(path_);
  } catch (const Error& error) {
    listener.note(concat(path_.string(), " cannot be used (", error.what(), "); starting anew"));
    return std::nullopt;
  }
  const JsonObject metadata(file.metadata, path_.string());
  check(metadata.string("key") == key_, path_.string(),
        ": the state of another run (other options, model or data), which would be lost; pass --overwrite to start "
        "anew, or choose another output folder");
  const c10::NoGradGuard no_grad;
  with_context(path_.string(), [&] {
    for_each_saved(trained, [&](const std::string& name, Tensor& tensor) {
      const Tensor& saved = file.at(name);
      expect_shape(saved, tensor.sizes().vec(), name);
      tensor.copy_(saved);
    });
  });
  const Position position{metadata.integer("step"), metadata.integer("tokens"), metadata.number("seconds")};
  check(position.step >= 0 && position.tokens >= 0, path_.string(), ": is of step ", position.step, " and token ",
        position.tokens, ", expected 0 or more; is the file damaged?");
  return position;
}

}  // namespace uncurl::train
