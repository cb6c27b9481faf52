#include "uncurl/model/family.h"

#include "uncurl/base/error.h"
#include "uncurl/base/join.h"

namespace uncurl::model {
namespace {

void replace(std::string& text, const std::string& mark, std::int64_t number) {
  const std::size_t place = text.find(mark);
  if (place != std::string::npos) text.replace(place, mark.size(), std::to_string(number));
}

}  // namespace

std::vector<ExpertLayout> common_expert_layouts() {
  const std::string mlp = "model.layers.{layer}.mlp.";
  return {{.fused = false,
           .router = mlp + "gate.weight",
           .gate = mlp + "experts.{expert}.gate_proj.weight",
           .up = mlp + "experts.{expert}.up_proj.weight",
           .gate_up = "",
           .down = mlp + "experts.{expert}.down_proj.weight"},
          {.fused = true,
           .router = mlp + "gate.weight",
           .gate = "",
           .up = "",
           .gate_up = mlp + "experts.gate_up_proj",
           .down = mlp + "experts.down_proj"}};
}

const Family& find_family(const std::string& model_type) {
  for (const Family& family : families()) {
    if (family.model_type == model_type) return family;
  }
  fail("model_type '", model_type, "' is not a family this version knows; it knows ",
       join_names(families(), &Family::model_type),
       ". Architectures differ in more than their names: giving it the model_type of another one runs another model");
}

std::string fill_name(const std::string& pattern, std::int64_t layer, std::int64_t expert) {
  std::string name = pattern;
  replace(name, "{layer}", layer);
  replace(name, "{expert}", expert);
  return name;
}

}  // namespace uncurl::model
