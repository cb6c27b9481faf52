// Qwen2-MoE and Qwen1.5-MoE: a shared expert with its own sigmoid gate beside the routed ones, biases on q, k and v,
// gates not renormalised by default.
#include "uncurl/model/families/table.h"

namespace uncurl::model {

Family qwen2_moe() {
  Family family{.model_type = "qwen2_moe",
                .description = "routed experts beside a gated shared expert, biases on q, k and v",
                .example = "Qwen/Qwen1.5-MoE-A2.7B"};
  const std::string mlp = "model.layers.{layer}.mlp.";
  family.keys.num_experts = {"num_local_experts", "num_experts"};
  family.keys.shared_width = "shared_expert_intermediate_size";
  family.names.shared_gate = mlp + "shared_expert.gate_proj.weight";
  family.names.shared_up = mlp + "shared_expert.up_proj.weight";
  family.names.shared_down = mlp + "shared_expert.down_proj.weight";
  family.names.shared_router = mlp + "shared_expert_gate.weight";
  family.layouts = common_expert_layouts();
  family.renormalize_from_config = true;
  family.moe_layers = MoeLayers::kSparseStep;
  family.qkv_bias = BiasRule::kAlways;
  family.window = WindowRule::kLayerTypes;
  family.switches_window = true;
  return family;
}

}  // namespace uncurl::model
