# Copyright 2026 The uncurl authors. Licensed under the Apache License, Version 2.0.
"""Configuration of the sparse GPT-2 that uncurl trains and prunes (Sarkar et al. 2024, arXiv 2409.01483)."""

from transformers import PretrainedConfig


class SmoeGpt2Config(PretrainedConfig):
    """GPT-2 whose MLPs are Switch layers in some blocks.

    num_experts, moe_layers, moe_layer_step, moe_layer_offset: the blocks that hold experts are those that moe_layers
        lists, else every moe_layer_step-th from moe_layer_offset on; none if num_experts is 0.
    uncurl_num_experts_per_layer: experts of each block (0 where dense) if blocks differ, as after pruning.
    num_experts_per_tok: 1 or 2. Gates are the router's probabilities, not renormalised.
    drop_tokens_in_training, drop_tokens_in_eval: an expert serves at most
        max(min_capacity, ceil(capacity_block * factor / experts of the layer))
        choices of a block of capacity_block positions of a text (by default all of it), the earliest; factor is
        train_capacity_factor or eval_capacity_factor, times top2_capacity_factor with two experts a token.
    """

    model_type = "smoe_gpt2"
    attribute_map = {"max_position_embeddings": "n_positions"}
    keys_to_ignore_at_inference = ["past_key_values", "cache"]

    def __init__(
        self,
        vocab_size=50257,
        n_positions=1024,
        hidden_size=1024,
        num_hidden_layers=24,
        num_attention_heads=16,
        intermediate_size=4096,
        num_experts=8,
        num_experts_per_tok=1,
        moe_layers=None,
        moe_layer_step=2,
        moe_layer_offset=0,
        uncurl_num_experts_per_layer=None,
        drop_tokens_in_training=True,
        drop_tokens_in_eval=True,
        train_capacity_factor=1.2,
        eval_capacity_factor=1.0,
        top2_capacity_factor=2.0,
        min_capacity=4,
        capacity_block=None,
        hidden_act="gelu_new",
        layer_norm_epsilon=1e-5,
        initializer_range=0.02,
        use_cache=True,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
        **kwargs,
    ):
        if hidden_act != "gelu_new":
            raise ValueError(f"hidden_act is {hidden_act!r}, this model runs 'gelu_new' only")
        if num_experts_per_tok not in (1, 2):
            raise ValueError(f"num_experts_per_tok is {num_experts_per_tok}, expected 1 or 2")
        self.vocab_size = vocab_size
        self.n_positions = n_positions
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.num_experts = num_experts
        self.num_experts_per_tok = num_experts_per_tok
        self.moe_layers = moe_layers
        self.moe_layer_step = moe_layer_step
        self.moe_layer_offset = moe_layer_offset
        self.uncurl_num_experts_per_layer = uncurl_num_experts_per_layer
        self.drop_tokens_in_training = drop_tokens_in_training
        self.drop_tokens_in_eval = drop_tokens_in_eval
        self.train_capacity_factor = train_capacity_factor
        self.eval_capacity_factor = eval_capacity_factor
        self.top2_capacity_factor = top2_capacity_factor
        self.min_capacity = min_capacity
        self.capacity_block = capacity_block
        self.hidden_act = hidden_act
        self.layer_norm_epsilon = layer_norm_epsilon
        self.initializer_range = initializer_range
        self.use_cache = use_cache
        super().__init__(
            tie_word_embeddings=tie_word_embeddings, bos_token_id=bos_token_id, eos_token_id=eos_token_id, **kwargs
        )

    def experts_of_layer(self, layer):
        """How many experts block `layer` holds; 0 where its MLP is dense."""
        if self.num_experts == 0:
            return 0
        if self.moe_layers is not None:
            sparse = layer in self.moe_layers
        else:
            behind = layer - self.moe_layer_offset
            sparse = behind >= 0 and behind % self.moe_layer_step == 0
        if not sparse:
            return 0
        return self.uncurl_num_experts_per_layer[layer] if self.uncurl_num_experts_per_layer else self.num_experts
