// Qwen3-MoE: norms on each query and key head, no shared expert, gates renormalised where norm_topk_prob says so.
// transformers 5 writes num_local_experts, older folders have num_experts.
#include "uncurl/model/families/table.h"

namespace uncurl::model {

Family qwen3_moe() {
  Family family{.model_type = "qwen3_moe",
                .description = "fine-grained experts, query and key norms per head",
                .example = "Qwen/Qwen3-30B-A3B"};
  family.keys.num_experts = {"num_local_experts", "num_experts"};
  family.layouts = common_expert_layouts();
  family.renormalize_from_config = true;
  family.moe_layers = MoeLayers::kSparseStep;
  family.qk_norm = QkNorm::kPerHead;
  family.qkv_bias = BiasRule::kFromAttentionBias;
  family.o_bias = BiasRule::kFromAttentionBias;
  family.window = WindowRule::kAllLayers;
  family.switches_window = true;
  return family;
}

}  // namespace uncurl::model
