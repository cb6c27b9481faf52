// The sparse GPT-2 of Sarkar et al. 2024 (arXiv 2409.01483): learned positions, LayerNorm, biases everywhere but in the
// router, GELU. Every other MLP is a Switch layer (top-1 or top-2, gates not renormalised), the first one included;
// with num_experts 0 the model is dense. Experts take only so many tokens of a text (nn/capacity.h). The matrices are
// stored as [out,in], unlike OpenAI's GPT-2. transformers reads such a folder with the modelling files beside this one
// (trust_remote_code).
#include "uncurl/model/assets.h"
#include "uncurl/model/families/table.h"

namespace uncurl::model {

Family smoe_gpt2() {
  Family family{.model_type = "smoe_gpt2",
                .description = "GPT-2 with a Switch layer for every other MLP, gates not renormalised, capacity",
                .example = "made by uncurl"};
  const std::string layer = "transformer.h.{layer}.", attention = layer + "attn.", mlp = layer + "mlp.";
  family.names = {.embeddings = "transformer.wte.weight",
                  .positions = "transformer.wpe.weight",
                  .final_norm = "transformer.ln_f.weight",
                  .head = "lm_head.weight",
                  .input_norm = layer + "ln_1.weight",
                  .post_attention_norm = layer + "ln_2.weight",
                  .q = attention + "q_proj.weight",
                  .k = attention + "k_proj.weight",
                  .v = attention + "v_proj.weight",
                  .o = attention + "o_proj.weight",
                  .dense_gate = "",
                  .dense_up = mlp + "up_proj.weight",
                  .dense_down = mlp + "down_proj.weight"};
  family.keys.expert_width = "intermediate_size";
  family.keys.norm_epsilon = "layer_norm_epsilon";
  family.layouts = {{.fused = false,
                     .router = mlp + "router.weight",
                     .gate = "",
                     .up = mlp + "experts.{expert}.up_proj.weight",
                     .gate_up = "",
                     .down = mlp + "experts.{expert}.down_proj.weight"}};
  family.activation = "gelu_new";
  family.norm_bias = true;
  family.moe_layers = MoeLayers::kStepAndOffset;
  family.qkv_bias = BiasRule::kAlways;
  family.o_bias = BiasRule::kAlways;
  family.has_capacity = true;
  family.remote_code = {.files = {{"configuration_smoe_gpt2.py", assets::configuration_smoe_gpt2()},
                                  {"modeling_smoe_gpt2.py", assets::modeling_smoe_gpt2()}},
                        .auto_map = {{"AutoConfig", "configuration_smoe_gpt2.SmoeGpt2Config"},
                                     {"AutoModel", "modeling_smoe_gpt2.SmoeGpt2Model"},
                                     {"AutoModelForCausalLM", "modeling_smoe_gpt2.SmoeGpt2ForCausalLM"}},
                        .architecture = "SmoeGpt2ForCausalLM"};
  family.tied_embeddings_default = true;
  family.norm_epsilon_default = 1e-5;
  return family;
}

}  // namespace uncurl::model
