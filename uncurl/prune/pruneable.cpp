#include "uncurl/prune/pruneable.h"

#include "uncurl/base/error.h"

namespace uncurl::prune {
namespace {

/// Every expert beside the first of its layer, tensor by tensor in their fixed order.
void check_dtypes(const model::Model& model, std::int64_t layer) {
  if (model.layout.fused) return;
  const std::int64_t num_experts = model.config.layers[static_cast<std::size_t>(layer)].num_experts;
  const std::vector<model::ExpertTensor> tensors =
      expert_tensors(model.config, model.layout, layer, num_experts);  // expert by expert
  const std::size_t each = tensors.size() / static_cast<std::size_t>(num_experts);
  for (std::size_t i = each; i < tensors.size(); ++i) {
    const std::string &first = model.checkpoint.at(tensors[i % each].name).dtype,
                      &other = model.checkpoint.at(tensors[i].name).dtype;
    check(
        first == other, model.folder().string(), ": tensor '", tensors[i].name, "' is ", other, ", but '",
        tensors[i % each].name, "' is ", first,
        "; experts of a layer take each other's numbers when it is pruned, so they need one dtype. Convert them first");
  }
}

}  // namespace

void check_pruneable(const model::Model& model) {
  const std::vector<std::int64_t> layers = model.config.moe_layers();
  check(!layers.empty(), model.folder().string(), ": none of its ", model.config.num_layers(),
        " layers holds experts (a dense model of family ", model.config.model_type,
        "), so there is nothing to prune; `uncurl eval` and `uncurl train` run it");
  for (const std::int64_t layer : layers) check_dtypes(model, layer);
}

}  // namespace uncurl::prune
