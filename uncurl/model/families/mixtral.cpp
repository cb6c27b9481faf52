// Mixtral: few wide experts, top-2, gates renormalised. w1 is the gate, w3 up, w2 down; the expert width is
// intermediate_size. Fused files of transformers 5 move the router from block_sparse_moe.gate to mlp.gate.
#include "uncurl/model/families/table.h"

namespace uncurl::model {

Family mixtral() {
  Family family{.model_type = "mixtral",
                .description = "coarse experts (w1, w2, w3), top-2 renormalised",
                .example = "mistralai/Mixtral-8x7B-v0.1"};
  const std::string moe = "model.layers.{layer}.block_sparse_moe.";
  family.keys.num_experts = {"num_local_experts", "num_experts"};
  family.keys.expert_width = "intermediate_size";
  family.layouts = {{.fused = false,
                     .router = moe + "gate.weight",
                     .gate = moe + "experts.{expert}.w1.weight",
                     .up = moe + "experts.{expert}.w3.weight",
                     .gate_up = "",
                     .down = moe + "experts.{expert}.w2.weight"},
                    common_expert_layouts()[1]};
  family.routing.renormalize = true;
  family.routing.gates_in_model_dtype = false;
  family.window = WindowRule::kAllLayers;
  family.rope_theta_default = 1000000.0;
  family.norm_epsilon_default = 1e-5;
  return family;
}

}  // namespace uncurl::model
