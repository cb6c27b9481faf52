#include "uncurl/model/missing.h"

#include <algorithm>

#include "uncurl/base/error.h"
#include "uncurl/base/join.h"

namespace uncurl::model {
namespace {

using checkpoint::Checkpoint;
using checkpoint::TensorInfo;

constexpr std::size_t kNamesShown = 3;

/// The first tensor whose name is `name` after something that ends in a dot (or the other way round); nullptr if none.
const TensorInfo* with_ending(const Checkpoint& checkpoint, const std::string& name) {
  for (const TensorInfo& info : checkpoint.tensors()) {
    if (info.name.size() > name.size() && info.name.ends_with("." + name)) return &info;
  }
  return nullptr;
}

/// Names of the same module ("model.layers.0.mlp." of "model.layers.0.mlp.gate.weight") first, then of any.
std::string some_names(const Checkpoint& checkpoint, const std::string& name) {
  const std::string outer = name.substr(0, name.rfind('.'));
  const std::string module = outer.substr(0, outer.rfind('.') + 1);
  std::vector<std::string> near, others;
  for (const TensorInfo& info : checkpoint.tensors()) {
    std::vector<std::string>& names = info.name.starts_with(module) ? near : others;
    if (names.size() < kNamesShown) names.push_back("'" + info.name + "'");
  }
  const std::vector<std::string>& shown = near.empty() ? others : near;
  return shown.empty() ? "no tensors at all" : "tensors like " + join(shown);
}

}  // namespace

std::string instead_of(const Checkpoint& checkpoint, const std::string& name) {
  if (const TensorInfo* const longer = with_ending(checkpoint, name)) {
    const std::string prefix = longer->name.substr(0, longer->name.size() - name.size());
    return concat(
        "it holds '", longer->name, "': its names begin with '", prefix,
        "', as a wrapped model (torch.compile, DataParallel, a trainer) or one inside a larger model saves them. "
        "Save the inner model itself, or take the prefix away");
  }
  const std::string shorter = name.substr(name.find('.') + 1);
  if (checkpoint.find(shorter) != nullptr) {
    return concat("it holds '", shorter, "': its names lack '", name.substr(0, name.size() - shorter.size()),
                  "', as AutoModel saves them, without a head. Save it from AutoModelForCausalLM");
  }
  const auto is_mlx = [](const TensorInfo& info) { return info.name.find(".switch_mlp.") != std::string::npos; };
  const auto mlx = std::find_if(checkpoint.tensors().begin(), checkpoint.tensors().end(), is_mlx);
  if (mlx != checkpoint.tensors().end()) {
    return concat("it holds '", mlx->name,
                  "', the layout of mlx-lm. Take the Hugging Face checkpoint that was converted to it");
  }
  return concat("it holds ", some_names(checkpoint, name),
                "; does model_type in config.json name the architecture these weights are of?");
}

}  // namespace uncurl::model
