// OLMoE: norms on the whole query and key projections, softmax over all experts without renormalisation, optional
// clipping of q, k and v. The expert width is intermediate_size.
#include "uncurl/model/families/table.h"

namespace uncurl::model {

Family olmoe() {
  Family family{.model_type = "olmoe",
                .description = "fine-grained experts, gates not renormalised, norms over whole q and k",
                .example = "allenai/OLMoE-1B-7B-0924"};
  family.keys.num_experts = {"num_experts", "num_local_experts"};
  family.keys.expert_width = "intermediate_size";
  family.layouts = common_expert_layouts();
  family.renormalize_from_config = true;
  family.qk_norm = QkNorm::kWholeProjection;
  family.qkv_bias = BiasRule::kFromAttentionBias;
  family.o_bias = BiasRule::kFromAttentionBias;
  family.clips_qkv = true;
  family.norm_epsilon_default = 1e-5;
  return family;
}

}  // namespace uncurl::model
