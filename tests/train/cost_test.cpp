#include "uncurl/train/cost.h"

#include <gtest/gtest.h>

namespace uncurl::train {
namespace {

// By hand: D 8, 2 heads of 4 and one of keys, 3 experts of width 5 of which one runs, vocabulary 10, T 3 (2 keys on
// average). Weights that a token meets: attention 8*(8+4+4+8) = 192, router 24, expert 3*5*8 = 120, together 336;
// head 80. Forward: 2*336 + 4*8*2 = 736 for the layer, 160 for the head.
TEST(Cost, CountsWhatATokenMeets) {
  model::ModelConfig config;
  config.vocab_size = 10;
  config.hidden_size = 8;
  config.num_heads = 2;
  config.num_kv_heads = 1;
  config.head_dim = 4;
  config.expert_width = 5;
  config.routing.top_k = 1;
  config.layers = {{.moe = true, .num_experts = 3, .window = 0}};
  EXPECT_EQ(flops_per_token(config, 3), 3 * 736 + 3 * 160);
  EXPECT_EQ(flops_per_token(config, 3, /*recompute=*/true), 4 * 736 + 3 * 160);
}

}  // namespace
}  // namespace uncurl::train
